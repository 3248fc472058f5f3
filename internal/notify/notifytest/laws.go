package notifytest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/serin-dev/serin/internal/courier/couriertest"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/notify"
	"github.com/serin-dev/serin/internal/rollout"
)

func wantKind(what string, err error, kinds ...fault.Kind) error {
	switch {
	case err == nil:
		return fmt.Errorf("%s: no error, want %v", what, kinds)
	case !slices.Contains(kinds, fault.KindOf(err)):
		return fmt.Errorf("%s: kind %q, want %v: %w", what, fault.KindOf(err), kinds, err)
	case strings.TrimSpace(err.Error()) == "" || strings.Contains(err.Error(), "\n"):
		return fmt.Errorf("%s: %q is no sentence", what, err.Error())
	default:
		return nil
	}
}

// ends runs a call that has to end soon and returns its error.
func ends(what string, call func() error) error {
	done := make(chan error, 1)
	go func() { done <- call() }()
	timer := time.NewTimer(promptly)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return fault.Errorf(fault.Unknown, "%s: the call does not end", what)
	}
}

func sendAll(ctx context.Context, h Harness, messages ...notify.Message) error {
	for _, m := range messages {
		if err := h.Driver.Send(ctx, m); err != nil {
			return fmt.Errorf("send %s: %w", m.Event.ID, err)
		}
	}
	return nil
}

// wantIDs compares the ids of what has arrived.
func wantIDs(h Harness, want ...string) error {
	var have []string
	for _, r := range h.Received() {
		have = append(have, r.ID)
	}
	if !slices.Equal(have, want) {
		return fmt.Errorf("the events %q arrived, want %q", have, want)
	}
	return nil
}

func arrives(ctx context.Context, h Harness) error {
	if err := sendAll(ctx, h, simple("1"), simple("2")); err != nil {
		return err
	}
	return wantIDs(h, "1", "2")
}

func retries(ctx context.Context, h Harness) error {
	h.Let(couriertest.Failing)
	if err := h.Driver.Send(ctx, simple("1")); err == nil {
		return errors.New("a receiver that fails: want an error")
	}
	h.Let(couriertest.Calm)
	if err := sendAll(ctx, h, simple("1"), simple("1")); err != nil {
		return err
	}
	got := h.Received()
	if len(got) < 2 {
		return fmt.Errorf("%d messages arrived, want at least 2", len(got))
	}
	for _, r := range got {
		if r.ID != "1" {
			return fmt.Errorf("event 1 arrived as %q", r.ID)
		}
	}
	return nil
}

func severities(ctx context.Context, h Harness) error {
	all := []rollout.Severity{rollout.Info, rollout.Warn, rollout.Loud}
	for i, s := range all {
		m := simple(string(s))
		m.Event.Severity = s
		if err := sendAll(ctx, h, m); err != nil {
			return err
		}
		if have, want := h.Received()[i].Severity, h.Severity(s); have != want {
			return fmt.Errorf("severity %s arrives as %q, want %q", s, have, want)
		}
	}
	calm := h.Received()[0].Severity
	if calm == h.Received()[1].Severity || calm == h.Received()[2].Severity {
		return fmt.Errorf("info looks like what is worse: %q", calm)
	}
	return nil
}

func escaped(ctx context.Context, h Harness) error {
	m := simple("1")
	m.Event.Message = hostile
	if err := sendAll(ctx, h, m); err != nil {
		return err
	}
	if r := h.Received()[0]; !strings.Contains(r.Text, hostile) {
		return fmt.Errorf("a reader sees\n%s\nwant\n%s\nthe body is\n%s", r.Text, hostile, r.Body)
	}
	return nil
}

func final(ctx context.Context, h Harness) error {
	h.Let(couriertest.Bad)
	return wantKind("a receiver that refuses", h.Driver.Send(ctx, simple("1")), fault.Invalid, fault.Denied)
}

func unanswered(ctx context.Context, h Harness) error {
	for _, t := range []couriertest.Trouble{couriertest.Down, couriertest.Failing} {
		h.Let(t)
		if err := wantKind(string(t), h.Driver.Send(ctx, simple("1")), fault.Unavailable); err != nil {
			return err
		}
	}
	h.Let(couriertest.Calm)
	return sendAll(ctx, h, simple("1"))
}

func timeout(ctx context.Context, h Harness) error {
	h.Let(couriertest.Hanging)
	limited, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	err := ends("a receiver that hangs", func() error { return h.Driver.Send(limited, simple("1")) })
	return wantKind("a receiver that hangs", err, fault.Unavailable)
}

func cancelled(ctx context.Context, h Harness) error {
	ended, cancel := context.WithCancel(ctx)
	cancel()
	err := ends("an ended context", func() error { return h.Driver.Send(ended, simple("1")) })
	if err := wantKind("an ended context", err, fault.Unavailable); err != nil {
		return err
	}
	h.Let(couriertest.Hanging)
	ended, cancel = context.WithCancel(ctx)
	time.AfterFunc(20*time.Millisecond, cancel)
	err = ends("a context that ends", func() error { return h.Driver.Send(ended, simple("1")) })
	return wantKind("a context that ends", err, fault.Unavailable)
}

func unchanged(ctx context.Context, h Harness) error {
	m := huge()
	if err := sendAll(ctx, h, m); err != nil {
		return err
	}
	if !reflect.DeepEqual(m, huge()) {
		return errors.New("the driver has changed the message")
	}
	return nil
}

func concurrent(ctx context.Context, h Harness) error {
	const many = 40
	failed := make([]error, many)
	var calls sync.WaitGroup
	for i := range many {
		calls.Go(func() { failed[i] = h.Driver.Send(ctx, simple(strconv.Itoa(i))) })
	}
	calls.Wait()
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("send side by side: %w", err)
	}
	ids := map[string]bool{}
	for _, r := range h.Received() {
		ids[r.ID] = true
	}
	if len(ids) != many {
		return fmt.Errorf("%d of %d events arrived", len(ids), many)
	}
	return nil
}

// sendsNothing is the inversion of the laws about a network: without one, nothing can leak.
func sendsNothing(ctx context.Context, h Harness) error {
	if err := sendAll(ctx, h, simple("1")); err != nil {
		return err
	}
	for _, r := range h.Received() {
		if len(r.Body) > 0 {
			return fmt.Errorf("a driver without a network sent a body of %d bytes", len(r.Body))
		}
	}
	return nil
}
