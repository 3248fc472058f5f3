package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/feed"
	"github.com/serin-dev/serin/internal/httpapi/client"
)

// pause is the time between attempts: short at first, so that nobody waits for what is quick, and bounded.
type pause struct{ next time.Duration }

const (
	firstPause = 50 * time.Millisecond
	lastPause  = 2 * time.Second
)

func newPause() *pause { return &pause{next: firstPause} }

// wait lets the pause pass, or returns the context's error.
func (p *pause) wait(ctx context.Context) error {
	timer := time.NewTimer(p.next)
	defer timer.Stop()
	p.next = min(2*p.next, lastPause)
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// errEnough ends following without an error.
var errEnough = errors.New("enough was seen")

// follow calls fn with every change until fn returns an error or ctx ends, and connects again when the stream breaks.
// Before the first change of each connection it calls fn with the zero Change: what there is has to be read then. A
// daemon that is not there at first is an error; one that has gone is waited for, and lost is told once each time.
func (s *session) follow(ctx context.Context, lost func(error), fn func(feed.Change) error) error {
	var last uint64
	connected, told := false, false
	retry := newPause()
	for {
		var stopped error
		err := s.client.Stream(ctx, last, func(c feed.Change) error {
			connected, told, retry = true, false, newPause()
			last = max(last, c.ID)
			stopped = fn(c)
			return stopped
		})
		switch {
		case errors.Is(stopped, errEnough):
			return nil
		case stopped != nil && !passing(stopped):
			return stopped
		case ctx.Err() != nil:
			return ctx.Err()
		case !connected || !passing(err):
			return err
		}
		if !told {
			lost(err)
			told = true
		}
		if err := retry.wait(ctx); err != nil {
			return err
		}
	}
}

// passing says whether a failure is of the kind that goes by while a daemon restarts.
func passing(err error) bool {
	return errors.Is(err, client.ErrUnreachable) || errors.Is(err, client.ErrSilent) || fault.KindOf(err) == fault.Unavailable
}

// notice tells that the connection is lost.
func (a *app) notice() func(error) {
	return func(error) {
		fmt.Fprintln(a.Err, "The connection to the daemon is lost; connecting again …")
	}
}
