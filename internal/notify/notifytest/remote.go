package notifytest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/serin-dev/serin/internal/courier/couriertest"
	"github.com/serin-dev/serin/internal/fault"
)

// mostBytes is how large a body may be that carries the largest message, whatever the service.
const mostBytes = 512 << 10

func golden(ctx context.Context, h Harness) error {
	for i, s := range Samples() {
		if err := sendAll(ctx, h, s.Message); err != nil {
			return err
		}
		body := h.Received()[i].Body
		if err := h.Remote.Valid(body); err != nil {
			return fmt.Errorf("the body of %q is not valid: %w\n%s", s.Name, err, body)
		}
		if err := h.Remote.Golden(s.Name, body); err != nil {
			return fmt.Errorf("the body of %q is not the one on record: %w", s.Name, err)
		}
	}
	return nil
}

func deterministic(ctx context.Context, h Harness) error {
	samples := Samples()
	for range 5 {
		for _, s := range samples {
			if err := sendAll(ctx, h, s.Message); err != nil {
				return err
			}
		}
	}
	got := h.Received()
	for i := range got {
		if first := got[i%len(samples)].Body; !bytes.Equal(got[i].Body, first) {
			return fmt.Errorf("the bodies of one message differ:\n%s\n%s", first, got[i].Body)
		}
	}
	return nil
}

func limits(ctx context.Context, h Harness) error {
	if err := sendAll(ctx, h, huge()); err != nil {
		return err
	}
	body := h.Received()[0].Body
	if len(body) > mostBytes {
		return fmt.Errorf("the body has %d bytes, the limit is %d", len(body), mostBytes)
	}
	if err := h.Remote.Valid(body); err != nil {
		return fmt.Errorf("the body of a long message is not valid: %w", err)
	}
	return wantIDs(h, huge().Event.ID)
}

func kinds(ctx context.Context, h Harness) error {
	for t, kind := range map[couriertest.Trouble]fault.Kind{
		couriertest.Bad: fault.Invalid, couriertest.Missing: fault.Invalid, couriertest.Unauthorized: fault.Denied,
		couriertest.Forbidden: fault.Denied,
	} {
		h.Let(t)
		if err := wantKind(string(t), h.Driver.Send(ctx, simple("1")), kind); err != nil {
			return err
		}
	}
	return nil
}

func overloaded(ctx context.Context, h Harness) error {
	for _, t := range []couriertest.Trouble{couriertest.Overloaded, couriertest.Busy} {
		h.Let(t)
		err := h.Driver.Send(ctx, simple("1"))
		if err := wantKind(string(t), err, fault.Unavailable); err != nil {
			return err
		}
		if have := fault.RetryAfter(err); have != couriertest.RetryAfter {
			return fmt.Errorf("%s: the delay is %s, want %s", t, have, couriertest.RetryAfter)
		}
	}
	return nil
}

func redirect(ctx context.Context, h Harness) error {
	h.Let(couriertest.Redirecting)
	if err := wantKind("a redirect", h.Driver.Send(ctx, simple("1")), fault.Invalid); err != nil {
		return err
	}
	return wantIDs(h, "1")
}

func endless(ctx context.Context, h Harness) error {
	h.Let(couriertest.Endless)
	err := ends("an endless answer", func() error { return h.Driver.Send(ctx, simple("1")) })
	if err != nil {
		return fmt.Errorf("the status of an endless answer is good: %w", err)
	}
	return nil
}

func noSecrets(ctx context.Context, h Harness) error {
	if len(h.Remote.Secrets) == 0 {
		return errors.New("the harness names no secret, so this law would hold for nothing")
	}
	for _, t := range []couriertest.Trouble{
		couriertest.Bad, couriertest.Unauthorized, couriertest.Overloaded, couriertest.Failing, couriertest.Down,
		couriertest.Redirecting, couriertest.Gossiping,
	} {
		h.Let(t)
		err := h.Driver.Send(ctx, simple("1"))
		if err == nil {
			return fmt.Errorf("%s: want an error", t)
		}
		for _, secret := range h.Remote.Secrets {
			for e := err; e != nil; e = errors.Unwrap(e) {
				if strings.Contains(fmt.Sprintf("%v %+v", e, e), secret) {
					return fmt.Errorf("%s: an error contains a secret", t)
				}
			}
		}
	}
	return nil
}

func proxied(ctx context.Context, h Harness) error {
	if err := h.Remote.Proxied.Send(ctx, simple("1")); err != nil {
		return fmt.Errorf("send through a proxy: %w", err)
	}
	if n := h.Remote.Passed(); n != 1 {
		return fmt.Errorf("%d messages passed the proxy, want 1", n)
	}
	return nil
}

func certificates(ctx context.Context, h Harness) error {
	err := h.Remote.Encrypted.Send(ctx, simple("1"))
	if err := wantKind("a certificate that nobody signed", err, fault.Unavailable); err != nil {
		return err
	}
	if err := h.Remote.Trusting.Send(ctx, simple("1")); err != nil {
		return fmt.Errorf("a certificate that is to be accepted: %w", err)
	}
	return nil
}
