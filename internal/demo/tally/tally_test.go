package tally_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/demo/tally"
)

func TestCountsSurviveJSON(t *testing.T) {
	t.Parallel()
	want := tally.Counts{{Version: "v1", Status: 200}: 7, {Version: "team/v2", Status: 500}: 1}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got tally.Counts
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("after a round trip (-want +got):\n%s", diff)
	}
}

func TestKeyRefusesWhatItDidNotWrite(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "v1", "v1/", "v1/ok"} {
		var k tally.Key
		if err := k.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("UnmarshalText(%q) = %+v, want an error", text, k)
		}
	}
}

func TestSinceAndFailed(t *testing.T) {
	t.Parallel()
	before := tally.Counts{{Version: "v1", Status: 200}: 10}
	after := tally.Counts{
		{Version: "v1", Status: 200}: 15,
		{Version: "v2", Status: 200}: 3,
		{Version: "v2", Status: 500}: 2,
		{Version: "v2", Status: 404}: 1,
	}
	diff := after.Since(before)
	if got := diff.Total(); got != 11 {
		t.Errorf("Total = %d, want 11", got)
	}
	if got := diff.Failed("v2"); got != 2 {
		t.Errorf("Failed(v2) = %d, want 2: only server errors count", got)
	}
	if got := diff.Failed("v1"); got != 0 {
		t.Errorf("Failed(v1) = %d, want 0", got)
	}
	diff.Add(before)
	if got := diff.Total(); got != 21 {
		t.Errorf("Total after Add = %d, want 21", got)
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	ok := tally.Key{Version: "v1", Status: 200}
	bad := tally.Key{Version: "v2", Status: 500}
	tests := map[string]struct {
		reason    string
		load, app tally.Counts
		want      []string
	}{
		"equal": {
			reason: "agreement is silence",
			load:   tally.Counts{ok: 5, bad: 1},
			app:    tally.Counts{ok: 5, bad: 1},
		},
		"nothing": {reason: "two empty sides agree"},
		"app lost one": {
			reason: "an answer that the app does not know of was made up on the way",
			load:   tally.Counts{ok: 5, bad: 1},
			app:    tally.Counts{ok: 5},
			want:   []string{"the load got 1 answers 500 from v2, the app sent 0"},
		},
		"load lost two kinds": {
			reason: "both are named, in a stable order",
			load:   tally.Counts{ok: 4},
			app:    tally.Counts{ok: 5, bad: 1},
			want: []string{
				"the load got 0 answers 500 from v2, the app sent 1",
				"the load got 4 answers 200 from v1, the app sent 5",
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, tally.Diff(tt.load, tt.app)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}
