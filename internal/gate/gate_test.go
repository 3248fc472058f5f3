package gate_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/gate"
	"github.com/serin-dev/serin/internal/gate/memgate"
	"github.com/serin-dev/serin/internal/rollout"
)

func made(t *testing.T, hooks ...gate.Hook) *gate.Gate {
	t.Helper()
	g, err := gate.New(hooks, gate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	p, at := memgate.New(), time.Unix(1_700_000_000, 0)
	p.Close("closed", "ann has\n closed it")
	p.Fail("wordless", errors.New(" "))
	p.Fail("long", errors.New(strings.Repeat("ä", 1000)))
	hooks := []gate.Hook{}
	for _, name := range []string{"open", "closed", "wordless", "long"} {
		hooks = append(hooks, gate.Hook{Name: name, Driver: p.Driver()})
	}
	g, err := gate.New(hooks, gate.Options{Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]rollout.Answer{
		"open":     {OK: true, At: at},
		"closed":   {At: at, Message: "closed: ann has closed it"},
		"wordless": {At: at, Message: "wordless:"},
		"long":     {At: at, Message: "long: " + strings.Repeat("ä", 494) + "…"},
		"other":    {At: at, Message: `the canary has no hook named "other"`},
	}
	for name, want := range cases {
		if diff := cmp.Diff(want, g.Ask(t.Context(), rollout.Ask{ID: "1", Hook: name})); diff != "" {
			t.Errorf("%s (-want +have):\n%s", name, diff)
		}
	}
}

func TestTimeoutIsOfOneCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := memgate.New()
		p.Hang("h")
		g := made(t, gate.Hook{Name: "h", Driver: p.Driver(), Timeout: 3 * time.Second, Retries: 2})
		began := time.Now()
		answer := g.Ask(t.Context(), rollout.Ask{ID: "1", Hook: "h"})
		if answer.OK || !strings.HasPrefix(answer.Message, "no answer within 3s: ") {
			t.Errorf("the answer is %+v", answer)
		}
		if took := time.Since(began); took != 3*3*time.Second+300*time.Millisecond || !answer.At.Equal(time.Now()) {
			t.Errorf("three calls took %s", took)
		}
		if n := len(p.Asked("h")); n != 3 {
			t.Errorf("the hook was asked %d times", n)
		}
	})
}

func TestRetries(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		err   error
		hook  gate.Hook
		asked int
		took  time.Duration
	}{
		"a no is an answer":        {fault.Errorf(fault.Denied, "no"), gate.Hook{Retries: 5}, 1, 0},
		"without retries":          {fault.Errorf(fault.Unavailable, "away"), gate.Hook{}, 1, 0},
		"with retries":             {fault.Errorf(fault.Unavailable, "away"), gate.Hook{Retries: 3}, 4, 700 * time.Millisecond},
		"pauses have a limit":      {errors.New("odd"), gate.Hook{Retries: 7}, 8, (100 + 200 + 400 + 800 + 1600 + 2000 + 2000) * time.Millisecond},
		"a delay is obeyed":        {&fault.Error{Kind: fault.Unavailable, RetryAfter: 7 * time.Second, Err: errors.New("busy")}, gate.Hook{Retries: 1}, 2, 7 * time.Second},
		"a long delay is too long": {&fault.Error{Kind: fault.Unavailable, RetryAfter: time.Hour, Err: errors.New("busy")}, gate.Hook{Retries: 9}, 1, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := memgate.New()
				p.Fail("h", c.err)
				c.hook.Name, c.hook.Driver = "h", p.Driver()
				began := time.Now()
				answer := made(t, c.hook).Ask(t.Context(), rollout.Ask{ID: "1", Hook: "h"})
				if answer.OK || len(p.Asked("h")) != c.asked || time.Since(began) != c.took {
					t.Errorf("asked %d times in %s, want %d in %s: %s", len(p.Asked("h")), time.Since(began), c.asked, c.took, answer.Message)
				}
			})
		})
	}
}

func TestRetryFindsTheHookBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := memgate.New()
		p.Fail("h", fault.Errorf(fault.Unavailable, "starting"))
		time.AfterFunc(250*time.Millisecond, func() { p.Open("h") })
		g := made(t, gate.Hook{Name: "h", Driver: p.Driver(), Retries: 5})
		if answer := g.Ask(t.Context(), rollout.Ask{ID: "1", Hook: "h"}); !answer.OK || answer.Message != "" {
			t.Errorf("the answer is %+v", answer)
		}
	})
}

func TestEndedContextEndsTheRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := memgate.New()
		p.Fail("h", fault.Errorf(fault.Unavailable, "away"))
		g := made(t, gate.Hook{Name: "h", Driver: p.Driver(), Retries: 100})
		limited, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		began := time.Now()
		if answer := g.Ask(limited, rollout.Ask{ID: "1", Hook: "h"}); answer.OK || answer.Message != "h: away" || time.Since(began) > 5*time.Second {
			t.Errorf("after %s: %+v", time.Since(began), answer)
		}
		ended, end := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, end)
		began = time.Now()
		if answer := g.Ask(ended, rollout.Ask{ID: "1", Hook: "h"}); answer.OK || time.Since(began) != time.Second {
			t.Errorf("after %s: %+v", time.Since(began), answer)
		}
	})
}

func TestBadHooks(t *testing.T) {
	t.Parallel()
	d := memgate.New().Driver()
	cases := map[string]struct {
		hooks []gate.Hook
		want  string
	}{
		"no name":          {[]gate.Hook{{Driver: d}}, "a hook has no name"},
		"no driver":        {[]gate.Hook{{Name: "h"}}, `hook "h" has nothing that asks it`},
		"negative timeout": {[]gate.Hook{{Name: "h", Driver: d, Timeout: -1}}, `hook "h" has a negative timeout`},
		"negative retries": {[]gate.Hook{{Name: "h", Driver: d, Retries: -1}}, `hook "h" has -1 retries: write 0 to 100`},
		"many retries":     {[]gate.Hook{{Name: "h", Driver: d, Retries: 101}}, `hook "h" has 101 retries: write 0 to 100`},
		"twice":            {[]gate.Hook{{Name: "h", Driver: d}, {Name: "h", Driver: d}}, `hook "h" is there twice: give each its own name`},
	}
	for name, c := range cases {
		_, err := gate.New(c.hooks, gate.Options{})
		if fault.KindOf(err) != fault.Invalid || err.Error() != c.want {
			t.Errorf("%s: want %q, have %v", name, c.want, err)
		}
	}
}
