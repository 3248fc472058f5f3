package fault_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/fault"
)

func TestKindOf(t *testing.T) {
	t.Parallel()
	denied := fault.Errorf(fault.Denied, "no rights")
	cases := map[string]struct {
		err  error
		want fault.Kind
	}{
		"nil":             {nil, fault.Unknown},
		"unclassified":    {errors.New("x"), fault.Unknown},
		"classified":      {denied, fault.Denied},
		"wrapped":         {fmt.Errorf("read: %w", denied), fault.Denied},
		"outermost":       {fault.Errorf(fault.Invalid, "read: %w", denied), fault.Invalid},
		"joined":          {errors.Join(errors.New("x"), denied), fault.Denied},
		"deadline":        {fmt.Errorf("read: %w", context.DeadlineExceeded), fault.Unavailable},
		"canceled":        {context.Canceled, fault.Unavailable},
		"kind of a cause": {fault.Errorf(fault.NotFound, "read: %w", context.Canceled), fault.NotFound},
	}
	for name, c := range cases {
		if got := fault.KindOf(c.err); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestErrorKeepsItsCauseAndItsDelay(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	err := fmt.Errorf("outer: %w", &fault.Error{Kind: fault.Unavailable, RetryAfter: time.Minute, Err: fmt.Errorf("inner: %w", cause)})
	if !errors.Is(err, cause) || err.Error() != "outer: inner: cause" {
		t.Errorf("got %v", err)
	}
	if got := fault.RetryAfter(err); got != time.Minute {
		t.Errorf("retry after %s, want a minute", got)
	}
	if got := fault.RetryAfter(cause); got != 0 {
		t.Errorf("retry after %s, want none", got)
	}
}

func TestProblemOf(t *testing.T) {
	t.Parallel()
	if got := fault.ProblemOf(nil); got != nil {
		t.Errorf("no error is the problem %+v", got)
	}
	want := fault.Problem{Kind: fault.Unavailable, Message: "x"}
	if got := fault.ProblemOf(errors.New("x")); *got != want {
		t.Errorf("got %+v, want %+v: an error that nobody classified may pass", got, want)
	}
	if got := fault.ProblemOf(fault.Errorf(fault.Denied, "no")); got.Kind != fault.Denied || got.Message != "no" {
		t.Errorf("got %+v", got)
	}
}
