package house

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/serin-dev/serin/internal/demo/load"
)

// Load is requests at a constant rate, with every answer kept.
type Load struct {
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
	answers []load.Answer
}

// Send sends requests until the load or the test ends.
func Send(t *testing.T, url, host string, rate int) *Load {
	t.Helper()
	l := &Load{done: make(chan struct{})}
	g, err := load.New(url, rate, load.Options{Host: host, Record: func(a load.Answer) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.answers = append(l.answers, a)
	}})
	if err != nil {
		t.Fatal(err)
	}
	var ctx context.Context
	ctx, l.cancel = context.WithCancel(context.WithoutCancel(t.Context()))
	go func() {
		defer close(l.done)
		g.Run(ctx)
	}()
	t.Cleanup(func() { l.End() })
	return l
}

// End ends the load, waits for its last answers and returns all of them.
func (l *Load) End() []load.Answer {
	l.cancel()
	<-l.done
	return l.So()
}

// So returns the answers so far.
func (l *Load) So() []load.Answer {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.answers)
}

// Wait waits until n requests that were sent after a moment have been answered or lost.
func (l *Load) Wait(t *testing.T, since time.Time, n int) {
	t.Helper()
	Until(t, "answers to the load", func() (string, bool) {
		late := slices.DeleteFunc(l.So(), func(a load.Answer) bool { return a.At.Before(since) })
		return "", len(late) >= n
	})
}
