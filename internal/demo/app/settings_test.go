package app_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/demo/app"
)

func TestSettingsFrom(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"PORT": "8080", "VERSION": "v2", "POD_NAME": "shop-2", "ERROR_RATE": "0.05", "LATENCY": "60ms",
		"LATENCY_P99": "150ms", "START_DELAY": "1s", "CRASH_AFTER": "1m", "READY": "false", "COUNTS_DIR": "counts",
		"SEED": "9",
	}
	got, err := app.SettingsFrom(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	want := app.Settings{
		Port: 8080, Version: "v2", Pod: "shop-2", ErrorRate: 0.05, Median: 60 * time.Millisecond,
		P99: 150 * time.Millisecond, StartDelay: time.Second, CrashAfter: time.Minute, Unready: true,
		CountsDir: "counts", Seed: 9,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestSettingsFromNamesEveryMistake(t *testing.T) {
	t.Parallel()
	bad := map[string]string{
		"PORT": "99999", "ERROR_RATE": "1.5", "LATENCY": "60", "START_DELAY": "-1s", "CRASH_AFTER": "soon",
		"READY": "maybe", "SEED": "x", "LATENCY_P99": "150ms",
	}
	_, err := app.SettingsFrom(func(name string) string { return bad[name] })
	if err == nil {
		t.Fatal("SettingsFrom accepted nonsense")
	}
	for name := range bad {
		if !strings.Contains(err.Error(), "environment variable "+name+":") {
			t.Errorf("the error does not name %s:\n%v", name, err)
		}
	}
}

func TestLatenciesFollowTheirQuantiles(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		reason string
		in     app.Settings
	}{
		"good": {
			reason: "the version that serves at rest",
			in:     app.Settings{Seed: 3, Median: 60 * time.Millisecond, P99: 150 * time.Millisecond},
		},
		"slow": {
			reason: "a long tail over the same median",
			in:     app.Settings{Seed: 4, Median: 60 * time.Millisecond, P99: 450 * time.Millisecond},
		},
		"constant": {
			reason: "without P99 each answer takes the median",
			in:     app.Settings{Seed: 5, Median: 20 * time.Millisecond},
		},
		"immediate": {
			reason: "a P99 without a median means nothing",
			in:     app.Settings{Seed: 6, P99: time.Second},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			draws := app.Draws(tt.in, 20_000)
			slices.Sort(draws)
			p99 := tt.in.P99
			if p99 == 0 || tt.in.Median == 0 {
				p99 = tt.in.Median
			}
			near(t, tt.reason+": median", draws[10_000], tt.in.Median)
			near(t, tt.reason+": p99", draws[19_800], p99)
		})
	}
	same := app.Settings{Seed: 7, Median: time.Second, P99: 2 * time.Second}
	if diff := cmp.Diff(app.Draws(same, 50), app.Draws(same, 50)); diff != "" {
		t.Errorf("the same seed gave other latencies:\n%s", diff)
	}
}

// near allows for 10 %, which is more than eight standard errors of either quantile. The seeds are fixed.
func near(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if got < want*9/10 || got > want*11/10 {
		t.Errorf("%s is %v, want about %v", what, got, want)
	}
}
