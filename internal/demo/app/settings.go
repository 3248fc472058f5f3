package app

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"strconv"
	"time"
)

// Settings say how one process of the sample app behaves. They come from its environment, so that a release is
// an edit of the Deployment's manifest.
type Settings struct {
	// Port is where it listens, on loopback (PORT).
	Port int
	// Version is what it calls itself in every answer (VERSION).
	Version string
	// Pod is the name of the process in its answers (POD_NAME, else HOSTNAME).
	Pod string
	// ErrorRate is the share of requests that it answers with a 500, from 0 to 1 (ERROR_RATE).
	ErrorRate float64
	// Median and P99 describe the lognormal distribution of its latency (LATENCY, LATENCY_P99). Without P99 every
	// answer takes Median.
	Median, P99 time.Duration
	// StartDelay is how long it takes before it listens (START_DELAY).
	StartDelay time.Duration
	// CrashAfter is when it ends without a word, counted from listening; 0 means never (CRASH_AFTER).
	CrashAfter time.Duration
	// Unready makes its readiness probe fail for ever (READY=false).
	Unready bool
	// CountsDir is where it keeps the exact count of its answers (COUNTS_DIR); empty means nowhere.
	CountsDir string
	// Seed makes its errors and latencies repeatable (SEED); without it they follow from version and pod.
	Seed uint64
}

// SettingsFrom reads the environment through env. It reports every mistake at once, each with its variable.
func SettingsFrom(env func(string) string) (Settings, error) {
	r := reader{env: env}
	s := Settings{
		Port:       r.port("PORT"),
		Version:    env("VERSION"),
		Pod:        env("POD_NAME"),
		ErrorRate:  r.share("ERROR_RATE"),
		Median:     r.duration("LATENCY"),
		P99:        r.duration("LATENCY_P99"),
		StartDelay: r.duration("START_DELAY"),
		CrashAfter: r.duration("CRASH_AFTER"),
		Unready:    !r.truth("READY", true),
		CountsDir:  env("COUNTS_DIR"),
		Seed:       r.number("SEED"),
	}
	if s.Version == "" {
		s.Version = "unversioned"
	}
	if s.Pod == "" {
		s.Pod = env("HOSTNAME")
	}
	if s.P99 != 0 && (s.Median == 0 || s.P99 < s.Median) {
		r.fail("LATENCY_P99", errors.New("needs a LATENCY that is not above it"))
	}
	if s.Seed == 0 {
		h := fnv.New64a()
		_, _ = h.Write([]byte(s.Version + "/" + s.Pod)) // A hash never fails.
		s.Seed = h.Sum64()
	}
	return s, errors.Join(r.errs...)
}

// reader collects mistakes instead of stopping at the first.
type reader struct {
	env  func(string) string
	errs []error
}

func (r *reader) fail(name string, err error) {
	r.errs = append(r.errs, fmt.Errorf("environment variable %s: %w", name, err))
}

func (r *reader) port(name string) int {
	n, err := strconv.ParseUint(r.env(name), 10, 16)
	if err != nil {
		r.fail(name, errors.New("want a port number"))
	}
	return int(n)
}

func (r *reader) share(name string) float64 {
	text := r.env(name)
	if text == "" {
		return 0
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) || f < 0 || f > 1 {
		r.fail(name, fmt.Errorf("want a number from 0 to 1, got %q", text))
		return 0
	}
	return f
}

func (r *reader) duration(name string) time.Duration {
	text := r.env(name)
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		r.fail(name, fmt.Errorf("want a duration like 60ms, got %q", text))
		return 0
	}
	return d
}

func (r *reader) truth(name string, fallback bool) bool {
	text := r.env(name)
	if text == "" {
		return fallback
	}
	b, err := strconv.ParseBool(text)
	if err != nil {
		r.fail(name, fmt.Errorf("want true or false, got %q", text))
	}
	return b
}

func (r *reader) number(name string) uint64 {
	text := r.env(name)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		r.fail(name, fmt.Errorf("want a whole number, got %q", text))
	}
	return n
}
