package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
)

// web and api are the canaries of the laws. They share a name's prefix and differ in the namespace.
func web() engine.Key { return engine.Key{Namespace: "default", Name: "web"} }
func api() engine.Key { return engine.Key{Namespace: "default-2", Name: "web"} }

func storeLaws() []Law {
	return []Law{
		{"StoreLoadsNothing", storeLoadsNothing},
		{"StoreReturnsWhatWasSaved", storeReturnsWhatWasSaved},
		{"StoreKeepsCanariesApart", storeKeepsCanariesApart},
		{"StoreOwnsItsBytes", storeOwnsItsBytes},
		{"StoreRefusesAStaleVersion", storeRefusesAStaleVersion},
		{"StoreCreatesOnce", storeCreatesOnce},
		{"StoreDeletes", storeDeletes},
		{"StoreNeverReusesAVersion", storeNeverReusesAVersion},
		{"StoreLetsOneWriterWin", storeLetsOneWriterWin},
		{"StoreSurvivesARestart", storeSurvivesARestart},
		{"StoreIsOldOrNewAfterACrash", storeIsOldOrNewAfterACrash},
		{"StoreWritesNothingForAnEndedContext", storeWritesNothingForAnEndedContext},
	}
}

// stored fails unless key has exactly this state.
func stored(ctx context.Context, s engine.Store, key engine.Key, data string, version uint64) error {
	got, at, err := s.Load(ctx, key)
	switch {
	case err != nil:
		return fmt.Errorf("load %s: %w", key, err)
	case string(got) != data || at != version:
		return fmt.Errorf("load %s = %q at version %d, want %q at %d", key, got, at, data, version)
	case version == 0 && got != nil:
		return fmt.Errorf("load %s = %v, want nil where there is nothing", key, got)
	default:
		return nil
	}
}

// save fails unless the save is accepted with a version that is neither 0 nor the old one.
func save(ctx context.Context, s engine.Store, key engine.Key, data string, version uint64) (uint64, error) {
	saved, err := s.Save(ctx, key, []byte(data), version)
	switch {
	case err != nil:
		return 0, fmt.Errorf("save %s: %w", key, err)
	case saved == 0 || saved == version:
		return 0, fmt.Errorf("save %s over version %d gives version %d", key, version, saved)
	default:
		return saved, nil
	}
}

// refused fails unless err is of the kind.
func refused(err error, kind fault.Kind, what string) error {
	if err == nil || fault.KindOf(err) != kind {
		return fmt.Errorf("%s: error of kind %q, want kind %s: %w", what, fault.KindOf(err), kind, err)
	}
	return nil
}

func storeLoadsNothing(ctx context.Context, h Harness) error {
	return stored(ctx, h.Subject(), web(), "", 0)
}

func storeReturnsWhatWasSaved(ctx context.Context, h Harness) error {
	s, version := h.Subject(), uint64(0)
	for _, data := range []string{`{"a":1}`, `{"a":2}`, "\x00\xff any bytes", "x"} {
		saved, err := save(ctx, s, web(), data, version)
		if err != nil {
			return err
		}
		if err := stored(ctx, s, web(), data, saved); err != nil {
			return err
		}
		version = saved
	}
	return nil
}

func storeKeepsCanariesApart(ctx context.Context, h Harness) error {
	s := h.Subject()
	one, err := save(ctx, s, web(), "one", 0)
	if err != nil {
		return err
	}
	two, err := save(ctx, s, api(), "two", 0)
	if err != nil {
		return err
	}
	if err := s.Delete(ctx, engine.Key{Namespace: "default", Name: "we"}); err != nil {
		return fmt.Errorf("delete a canary that is not there: %w", err)
	}
	return errors.Join(stored(ctx, s, web(), "one", one), stored(ctx, s, api(), "two", two))
}

func storeOwnsItsBytes(ctx context.Context, h Harness) error {
	s, mine := h.Subject(), []byte("mine")
	version, err := s.Save(ctx, web(), mine, 0)
	if err != nil {
		return fmt.Errorf("save: %w", err)
	}
	copy(mine, "////")
	got, _, err := s.Load(ctx, web())
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	copy(got, "####")
	return stored(ctx, s, web(), "mine", version)
}

func storeRefusesAStaleVersion(ctx context.Context, h Harness) error {
	s := h.Subject()
	first, err := save(ctx, s, web(), "first", 0)
	if err != nil {
		return err
	}
	second, err := save(ctx, s, web(), "second", first)
	if err != nil {
		return err
	}
	for _, version := range []uint64{first, second + 1} {
		_, err := s.Save(ctx, web(), []byte("third"), version)
		if err := refused(err, fault.Conflict, fmt.Sprintf("save over version %d", version)); err != nil {
			return err
		}
	}
	return stored(ctx, s, web(), "second", second)
}

func storeCreatesOnce(ctx context.Context, h Harness) error {
	s := h.Subject()
	_, err := s.Save(ctx, web(), []byte("x"), 1)
	if err := refused(err, fault.Conflict, "save over version 1 where there is nothing"); err != nil {
		return err
	}
	version, err := save(ctx, s, web(), "first", 0)
	if err != nil {
		return err
	}
	_, err = s.Save(ctx, web(), []byte("x"), 0)
	if err := refused(err, fault.Conflict, "save over version 0 where there is a state"); err != nil {
		return err
	}
	return stored(ctx, s, web(), "first", version)
}

func storeDeletes(ctx context.Context, h Harness) error {
	s := h.Subject()
	version, err := save(ctx, s, web(), "x", 0)
	if err != nil {
		return err
	}
	for range 2 {
		if err := s.Delete(ctx, web()); err != nil {
			return fmt.Errorf("delete: %w", err)
		}
		if err := stored(ctx, s, web(), "", 0); err != nil {
			return err
		}
	}
	_, err = s.Save(ctx, web(), []byte("x"), version)
	return refused(err, fault.Conflict, "save over a version that was deleted")
}

func storeNeverReusesAVersion(ctx context.Context, h Harness) error {
	s := h.Subject()
	old, err := save(ctx, s, web(), "x", 0)
	if err != nil {
		return err
	}
	if err := s.Delete(ctx, web()); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	version, err := save(ctx, s, web(), "new", 0)
	if err != nil {
		return err
	}
	_, err = s.Save(ctx, web(), []byte("zombie"), old)
	if err := refused(err, fault.Conflict, "save over a version from before the deletion"); err != nil {
		return err
	}
	return stored(ctx, s, web(), "new", version)
}

func storeLetsOneWriterWin(ctx context.Context, h Harness) error {
	const writers = 8
	s := h.Subject()
	version, err := save(ctx, s, web(), "start", 0)
	if err != nil {
		return err
	}
	errs, saved := make([]error, writers), make([]uint64, writers)
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() { saved[i], errs[i] = s.Save(ctx, web(), fmt.Appendf(nil, "writer %d", i), version) })
	}
	group.Wait()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			return fmt.Errorf("writers %d and %d both saved over version %d", winner, i, version)
		case err == nil:
			winner = i
		case fault.KindOf(err) != fault.Conflict:
			return fmt.Errorf("a writer that lost: %w", err)
		}
	}
	if winner < 0 {
		return errors.New("no writer won")
	}
	return stored(ctx, s, web(), fmt.Sprintf("writer %d", winner), saved[winner])
}

func storeSurvivesARestart(ctx context.Context, h Harness) error {
	version, err := save(ctx, h.Subject(), web(), "kept", 0)
	if err != nil {
		return err
	}
	if err := h.Reopen(ctx); err != nil {
		return fmt.Errorf("reopen: %w", err)
	}
	if err := stored(ctx, h.Subject(), web(), "kept", version); err != nil {
		return err
	}
	_, err = save(ctx, h.Subject(), web(), "next", version)
	return err
}

func storeIsOldOrNewAfterACrash(ctx context.Context, h Harness) error {
	const before, after = "the state before", "the state after, which is a little longer"
	version, err := save(ctx, h.Subject(), web(), before, 0)
	if err != nil {
		return err
	}
	olds, news := 0, 0
	err = h.Interrupted(ctx, func(s Subject) error {
		_, err := s.Save(ctx, web(), []byte(after), version)
		return err
	}, func(s Subject) error {
		data, at, err := s.Load(ctx, web())
		switch {
		case err != nil:
			return fmt.Errorf("load after a crash: %w", err)
		case string(data) == before && at == version:
			olds++
		case string(data) == after && at > version:
			news++
		default:
			return fmt.Errorf("after a crash the state is %q at version %d", data, at)
		}
		_, err = save(ctx, s, web(), "and it goes on", at)
		return err
	})
	if err == nil && (olds == 0 || news == 0) {
		return fmt.Errorf("%d crashes left the old state and %d the new one: both have to be tried", olds, news)
	}
	return err
}

func storeWritesNothingForAnEndedContext(ctx context.Context, h Harness) error {
	s := h.Subject()
	version, err := save(ctx, s, web(), "kept", 0)
	if err != nil {
		return err
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, err = s.Save(ended, web(), []byte("x"), version)
	return errors.Join(
		refused(err, fault.Unavailable, "save with an ended context"),
		refused(s.Delete(ended, web()), fault.Unavailable, "delete with an ended context"),
		stored(ctx, s, web(), "kept", version),
	)
}
