package metertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/serin-dev/serin/internal/fault"
)

func ask(ctx context.Context, h Harness) error {
	_, err := h.Driver().Query(ctx, `depth{app="a"}`, now())
	return err
}

func eachTrouble(ctx context.Context, h Harness, want fault.Kind, troubles ...Trouble) error {
	for _, t := range troubles {
		h.Disturb(t)
		if err := wantKind(ask(ctx, h), want); err != nil {
			return fmt.Errorf("%s: %w", t, err)
		}
	}
	return nil
}

func denied(ctx context.Context, h Harness) error {
	return eachTrouble(ctx, h, fault.Denied, Unauthorized, Forbidden)
}

func overloaded(ctx context.Context, h Harness) error {
	h.Disturb(Overloaded)
	err := ask(ctx, h)
	if err := wantKind(err, fault.Unavailable); err != nil {
		return err
	}
	if have := fault.RetryAfter(err); have != RetryAfter {
		return fmt.Errorf("want a delay of %s, have %s", RetryAfter, have)
	}
	return nil
}

func unavailable(ctx context.Context, h Harness) error {
	return eachTrouble(ctx, h, fault.Unavailable, Failing, Down, Garbage)
}

func deadline(ctx context.Context, h Harness) error {
	h.Disturb(Hanging)
	// The outer context of a law is far longer, so waiting for it instead of for this one is seen.
	limited, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if err := wantKind(ask(limited, h), fault.Unavailable); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return errors.New("the call outlived its deadline")
	}
	return nil
}

func invalidAnswers(ctx context.Context, h Harness) error {
	return eachTrouble(ctx, h, fault.Invalid, Huge, Redirecting)
}

func noSecrets(ctx context.Context, h Harness) error {
	if len(h.Secrets()) == 0 {
		return errors.New("the harness names no secret, so this law would hold for nothing")
	}
	for _, t := range []Trouble{Unauthorized, Forbidden, Overloaded, Failing, Down, Huge, Garbage, Redirecting} {
		h.Disturb(t)
		err := ask(ctx, h)
		if err == nil {
			return fmt.Errorf("%s: want an error", t)
		}
		for _, secret := range h.Secrets() {
			for e := err; e != nil; e = errors.Unwrap(e) {
				if strings.Contains(e.Error(), secret) || strings.Contains(fmt.Sprintf("%+v", e), secret) {
					return fmt.Errorf("%s: an error contains a secret", t)
				}
			}
		}
	}
	return nil
}

func recovers(ctx context.Context, h Harness) error {
	if err := h.Store(gauge("depth", "a", 1, now())); err != nil {
		return err
	}
	for _, t := range []Trouble{Unauthorized, Failing, Down, Garbage} {
		h.Disturb(t)
		if ask(ctx, h) == nil {
			return fmt.Errorf("%s: want an error", t)
		}
		h.Disturb(Calm)
		if err := ask(ctx, h); err != nil {
			return fmt.Errorf("after %s: %w", t, err)
		}
	}
	return nil
}
