package gatetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/serin-dev/serin/internal/fault"
)

func wantKind(what string, err error, kind fault.Kind) error {
	switch {
	case err == nil:
		return fmt.Errorf("%s: the answer is yes, want %s", what, kind)
	case fault.KindOf(err) != kind:
		return fmt.Errorf("%s: kind %q, want %s: %w", what, fault.KindOf(err), kind, err)
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

func ask(ctx context.Context, h Harness, b Behaviour) error {
	h.Let(b)
	return h.Driver().Ask(ctx, Question("1"))
}

func yes(ctx context.Context, h Harness) error {
	if err := ask(ctx, h, Yes); err != nil {
		return fmt.Errorf("want yes: %w", err)
	}
	if n := len(h.Received()); n != 1 {
		return fmt.Errorf("the hook was asked %d times for one question", n)
	}
	return nil
}

func no(ctx context.Context, h Harness) error { return wantKind("no", ask(ctx, h, No), fault.Denied) }

func missing(ctx context.Context, h Harness) error {
	return wantKind("no answer", ask(ctx, h, Missing), fault.Unavailable)
}

func timeout(ctx context.Context, h Harness) error {
	limited, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	err := ends("a hook that hangs", func() error { return ask(limited, h, Hanging) })
	return wantKind("a hook that hangs", err, fault.Unavailable)
}

func cancelled(ctx context.Context, h Harness) error {
	ended, cancel := context.WithCancel(ctx)
	cancel()
	err := ends("an ended context", func() error { return ask(ended, h, Yes) })
	if err := wantKind("an ended context", err, fault.Unavailable); err != nil {
		return err
	}
	ended, cancel = context.WithCancel(ctx)
	time.AfterFunc(20*time.Millisecond, cancel)
	err = ends("a context that ends", func() error { return ask(ended, h, Hanging) })
	return wantKind("a context that ends", err, fault.Unavailable)
}

func sameID(ctx context.Context, h Harness) error {
	d := h.Driver()
	for _, n := range []string{"1", "1", "2"} {
		if err := d.Ask(ctx, Question(n)); err != nil {
			return fmt.Errorf("ask: %w", err)
		}
	}
	got := h.Received()
	if len(got) != 3 {
		return fmt.Errorf("three questions arrived %d times", len(got))
	}
	for i, n := range []string{"1", "1", "2"} {
		if want := Question(n).ID; got[i].ID != want {
			return fmt.Errorf("question %d arrived as %q, want %q", i+1, got[i].ID, want)
		}
	}
	if !bytes.Equal(got[0].Body, got[1].Body) {
		return fmt.Errorf("one question has two bodies:\n%s\n%s", got[0].Body, got[1].Body)
	}
	return nil
}

func concurrent(ctx context.Context, h Harness) error {
	const many = 40
	d, failed := h.Driver(), make([]error, many)
	var calls sync.WaitGroup
	for i := range many {
		calls.Go(func() { failed[i] = d.Ask(ctx, Question(strconv.Itoa(i))) })
	}
	calls.Wait()
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("ask side by side: %w", err)
	}
	ids := map[string]bool{}
	for _, r := range h.Received() {
		ids[r.ID] = true
	}
	if len(ids) != many {
		return fmt.Errorf("%d of %d questions arrived", len(ids), many)
	}
	return nil
}

func changes(ctx context.Context, h Harness) error {
	d := h.Driver()
	for _, b := range []Behaviour{No, Yes, Missing, Yes} {
		h.Let(b)
		if err := d.Ask(ctx, Question("1")); (err == nil) != (b == Yes) {
			return fmt.Errorf("the hook says %s, the driver %w", b, err)
		}
	}
	return nil
}

// golden is the body of Question("1").
const golden = `{
  "name": "podinfo",
  "namespace": "shop",
  "phase": "WaitingPromotion",
  "checksum": "ab12cd34ef56",
  "metadata": {"cmd": "test \"a\" < \"b\" && exit 0", "type": "bash"},
  "type": "confirm-promotion",
  "eventId": "ab12cd34-7/2/gate/confirm-promotion/acceptance/1",
  "run": "ab12cd34-7",
  "revision": "ab12cd34ef56",
  "weight": 12.5
}`

func payload(ctx context.Context, h Harness) error {
	if err := ask(ctx, h, Yes); err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	got := h.Received()[0].Body
	have, err := canonical(got)
	if err != nil {
		return fmt.Errorf("read the body %s: %w", got, err)
	}
	want, err := canonical([]byte(golden))
	if err != nil {
		return fmt.Errorf("read the golden body: %w", err)
	}
	if have != want {
		return fmt.Errorf("the body is\n%s\nwant\n%s", have, want)
	}
	return nil
}

// canonical makes bodies comparable whose fields are in another order.
func canonical(body []byte) (string, error) {
	var v map[string]any
	if err := json.Unmarshal(body, &v); err != nil {
		return "", fmt.Errorf("decode: %w", err)
	}
	text, err := json.MarshalIndent(v, "", " ")
	return string(text), err
}

func authorized(ctx context.Context, h Harness) error {
	if err := ask(ctx, h, Yes); err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	if have, want := h.Received()[0].Authorization, h.Secrets()[0]; have != want {
		return fmt.Errorf("the authorization is %q, want %q", have, want)
	}
	return nil
}

func redirect(ctx context.Context, h Harness) error {
	if err := wantKind("a redirect", ask(ctx, h, Redirecting), fault.Denied); err != nil {
		return err
	}
	if n := len(h.Received()); n != 1 {
		return fmt.Errorf("%d calls arrived, want the first alone", n)
	}
	return nil
}

func unknown(ctx context.Context, h Harness) error {
	return wantKind("status 404", ask(ctx, h, Unknown), fault.Denied)
}

func failing(ctx context.Context, h Harness) error {
	return wantKind("status 500", ask(ctx, h, Failing), fault.Unavailable)
}

func overloaded(ctx context.Context, h Harness) error {
	err := ask(ctx, h, Overloaded)
	if err := wantKind("status 429", err, fault.Unavailable); err != nil {
		return err
	}
	if have := fault.RetryAfter(err); have != RetryAfter {
		return fmt.Errorf("the delay is %s, want %s", have, RetryAfter)
	}
	return nil
}

func endless(ctx context.Context, h Harness) error {
	err := ends("an endless answer", func() error { return ask(ctx, h, Endless) })
	if err != nil {
		return fmt.Errorf("the status of an endless answer is yes: %w", err)
	}
	return nil
}

func noSecrets(ctx context.Context, h Harness) error {
	if len(h.Secrets()) == 0 {
		return errors.New("the harness names no secret, so this law would hold for nothing")
	}
	for _, b := range []Behaviour{No, Missing, Unknown, Overloaded, Failing, Redirecting, Gossiping} {
		err := ask(ctx, h, b)
		if err == nil {
			return fmt.Errorf("%s: want an error", b)
		}
		for _, secret := range h.Secrets() {
			for e := err; e != nil; e = errors.Unwrap(e) {
				if strings.Contains(fmt.Sprintf("%v %+v", e, e), secret) {
					return fmt.Errorf("%s: an error contains a secret", b)
				}
			}
		}
	}
	return nil
}

// sendsNothing is the inversion of the laws about a network: without one, nothing can leak.
func sendsNothing(ctx context.Context, h Harness) error {
	if len(h.Secrets()) > 0 {
		return errors.New("a driver without a network was given a secret")
	}
	if err := ask(ctx, h, Yes); err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	for _, r := range h.Received() {
		if r.Authorization != "" || len(r.Body) > 0 {
			return fmt.Errorf("a driver without a network sent a body of %d bytes", len(r.Body))
		}
	}
	return nil
}
