package storetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/record"
	"github.com/serin-dev/serin/internal/rollout"
)

func journalLaws() []Law {
	return []Law{
		{"JournalHasNothing", journalHasNothing},
		{"JournalAssemblesARun", journalAssemblesARun},
		{"JournalAppendsOnce", journalAppendsOnce},
		{"JournalRefusesAnEventWithoutID", journalRefusesAnEventWithoutID},
		{"JournalKeepsWhatIsOutsideRuns", journalKeepsWhatIsOutsideRuns},
		{"JournalSelectsEvents", journalSelectsEvents},
		{"JournalBoundsEvents", journalBoundsEvents},
		{"JournalBoundsRuns", journalBoundsRuns},
		{"JournalSurvivesARestart", journalSurvivesARestart},
		{"JournalIsWholeAfterACrash", journalIsWholeAfterACrash},
		{"JournalIsForgottenWithItsCanary", journalIsForgottenWithItsCanary},
	}
}

func noon() time.Time { return time.Date(2030, 6, 1, 12, 0, 0, 0, time.UTC) }

// event makes the n-th event of a run.
func event(run string, n int, kind rollout.EventType) rollout.Event {
	return rollout.Event{
		ID: fmt.Sprintf("%s-%d", run, n), At: noon().Add(time.Duration(n) * time.Second), Type: kind,
		Severity: rollout.Info, Phase: rollout.Progressing, Message: fmt.Sprintf("event %d", n), Run: run, Revision: "rev-" + run,
	}
}

func appendAll(ctx context.Context, j engine.Journal, key engine.Key, events ...rollout.Event) error {
	for _, e := range events {
		if err := j.Append(ctx, key, e); err != nil {
			return fmt.Errorf("append %s: %w", e.ID, err)
		}
	}
	return nil
}

// same fails unless both are equal.
func same(what string, got, want any) error {
	if diff := cmp.Diff(want, got); diff != "" {
		return fmt.Errorf("%s differs (-want +got):\n%s", what, diff)
	}
	return nil
}

// lifetime is a run from its start to its end.
func lifetime(run string) []rollout.Event {
	phase := event(run, 1, rollout.PhaseChanged)
	start := event(run, 2, rollout.RunStarted)
	verdict := event(run, 3, rollout.VerdictReached)
	verdict.Ending, verdict.Reason, verdict.Message = rollout.OutcomeFailed, "CheckFailed", "the success rate is 93 %"
	end := event(run, 4, rollout.RunEnded)
	end.Ending, end.Reason, end.Message = verdict.Ending, verdict.Reason, verdict.Message
	return []rollout.Event{phase, start, verdict, end}
}

func journalHasNothing(ctx context.Context, h Harness) error {
	runs, err := h.Subject().Runs(ctx, web())
	if err != nil || len(runs) != 0 {
		return fmt.Errorf("runs of nothing = %v, %w", runs, err)
	}
	events, err := h.Subject().Events(ctx, web(), record.Query{})
	if err != nil || len(events) != 0 {
		return fmt.Errorf("events of nothing = %v, %w", events, err)
	}
	_, err = h.Subject().Run(ctx, web(), "none")
	return refused(err, fault.NotFound, "a run that never was")
}

func journalAssemblesARun(ctx context.Context, h Harness) error {
	s, events := h.Subject(), lifetime("r1")
	running := record.Run{Name: "r1", Revision: "rev-r1", Started: events[1].At}
	judged := running
	judged.Outcome, judged.Reason, judged.Message = rollout.OutcomeFailed, "CheckFailed", "the success rate is 93 %"
	ended := judged
	ended.Ended = events[3].At
	headers := []record.Run{{Name: "r1", Revision: "rev-r1", Started: events[0].At}, running, judged, ended}
	for i, e := range events {
		if err := appendAll(ctx, s, web(), e); err != nil {
			return err
		}
		runs, err := s.Runs(ctx, web())
		if err := errors.Join(err, same("list of runs after "+string(e.Type), runs, headers[i:i+1])); err != nil {
			return err
		}
	}
	ended.Events = events
	got, err := s.Run(ctx, web(), "r1")
	return errors.Join(err, same("record", got, ended))
}

func journalAppendsOnce(ctx context.Context, h Harness) error {
	s, e := h.Subject(), event("r1", 1, rollout.RunStarted)
	again := e
	again.Message = "the same id is the same event"
	if err := appendAll(ctx, s, web(), e, again, e); err != nil {
		return err
	}
	// Another canary may use the same id.
	if err := appendAll(ctx, s, api(), e); err != nil {
		return err
	}
	got, err := s.Run(ctx, web(), "r1")
	other, err2 := s.Run(ctx, api(), "r1")
	return errors.Join(err, err2, same("events", got.Events, []rollout.Event{e}), same("events of the other", other.Events, []rollout.Event{e}))
}

func journalRefusesAnEventWithoutID(ctx context.Context, h Harness) error {
	e := event("r1", 1, rollout.RunStarted)
	e.ID = ""
	return refused(h.Subject().Append(ctx, web(), e), fault.Invalid, "an event without an id")
}

func journalKeepsWhatIsOutsideRuns(ctx context.Context, h Harness) error {
	s, outside := h.Subject(), event("", 1, rollout.PhaseChanged)
	if err := appendAll(ctx, s, web(), outside, event("r1", 2, rollout.RunStarted)); err != nil {
		return err
	}
	runs, err := s.Runs(ctx, web())
	if err != nil || len(runs) != 1 || runs[0].Name != "r1" {
		return fmt.Errorf("runs = %v, %w; want r1 alone", runs, err)
	}
	events, err := s.Events(ctx, web(), record.Query{})
	if err != nil || len(events) != 2 {
		return fmt.Errorf("events = %v, %w; want both", events, err)
	}
	return same("event outside runs", events[0].Event, outside)
}

func journalSelectsEvents(ctx context.Context, h Harness) error {
	s := h.Subject()
	one, two, three := event("r1", 1, rollout.RunStarted), event("r2", 2, rollout.RunStarted), event("r1", 3, rollout.RunEnded)
	err := errors.Join(appendAll(ctx, s, web(), one, three), appendAll(ctx, s, api(), two))
	if err != nil {
		return err
	}
	mine := func(e rollout.Event) record.Entry { return record.Entry{Namespace: "default", Name: "web", Event: e} }
	theirs := record.Entry{Namespace: "default-2", Name: "web", Event: two}
	cases := map[string]struct {
		key  engine.Key
		q    record.Query
		want []record.Entry
	}{
		"all":    {want: []record.Entry{mine(one), theirs, mine(three)}},
		"of one": {key: web(), want: []record.Entry{mine(one), mine(three)}},
		"since":  {q: record.Query{Since: two.At}, want: []record.Entry{theirs, mine(three)}},
		"newest": {q: record.Query{Limit: 1}, want: []record.Entry{mine(three)}},
	}
	for name, tc := range cases {
		got, err := s.Events(ctx, tc.key, tc.q)
		if err := errors.Join(err, same("events "+name, got, tc.want)); err != nil {
			return err
		}
	}
	return nil
}

func journalBoundsEvents(ctx context.Context, h Harness) error {
	s, limit := h.Subject(), h.Limits().Events
	const over = 3
	for n := 1; n <= limit+over; n++ {
		if err := appendAll(ctx, s, web(), event("r1", n, rollout.Checked)); err != nil {
			return err
		}
	}
	got, err := s.Run(ctx, web(), "r1")
	if err != nil {
		return fmt.Errorf("read run: %w", err)
	}
	if len(got.Events) != limit || got.Lost != over || got.Events[0].ID != "r1-4" {
		return fmt.Errorf("%d events from %s on, %d lost; want %d from r1-4 on, %d lost",
			len(got.Events), got.Events[0].ID, got.Lost, limit, over)
	}
	return same("start", got.Started, event("r1", 1, rollout.Checked).At)
}

func journalBoundsRuns(ctx context.Context, h Harness) error {
	s, limit := h.Subject(), h.Limits().Runs
	if err := appendAll(ctx, s, web(), event("", 0, rollout.PhaseChanged)); err != nil {
		return err
	}
	for n := 1; n <= limit+2; n++ {
		if err := appendAll(ctx, s, web(), event(fmt.Sprintf("r%d", n), n, rollout.RunStarted)); err != nil {
			return err
		}
	}
	runs, err := s.Runs(ctx, web())
	if err != nil || len(runs) != limit || runs[0].Name != fmt.Sprintf("r%d", limit+2) || runs[limit-1].Name != "r3" {
		return fmt.Errorf("runs = %v, %w; want the newest %d, newest first", runs, err, limit)
	}
	events, err := s.Events(ctx, web(), record.Query{})
	if err != nil || len(events) != limit+1 {
		return fmt.Errorf("%d events, %w; want those of the runs that are left and the one outside", len(events), err)
	}
	_, err = s.Run(ctx, web(), "r1")
	return refused(err, fault.NotFound, "a run that was dropped")
}

func journalSurvivesARestart(ctx context.Context, h Harness) error {
	events := lifetime("r1")
	if err := appendAll(ctx, h.Subject(), web(), events...); err != nil {
		return err
	}
	before, err := h.Subject().Run(ctx, web(), "r1")
	if err != nil {
		return fmt.Errorf("read run: %w", err)
	}
	if err := h.Reopen(ctx); err != nil {
		return fmt.Errorf("reopen: %w", err)
	}
	after, err := h.Subject().Run(ctx, web(), "r1")
	if err := errors.Join(err, same("record", after, before)); err != nil {
		return err
	}
	// What was delivered before the restart is delivered again after it.
	if err := appendAll(ctx, h.Subject(), web(), events...); err != nil {
		return err
	}
	after, err = h.Subject().Run(ctx, web(), "r1")
	return errors.Join(err, same("record", after, before))
}

func journalIsWholeAfterACrash(ctx context.Context, h Harness) error {
	start, end := event("r1", 1, rollout.RunStarted), event("r1", 2, rollout.RunEnded)
	end.Ending = rollout.OutcomeSucceeded
	if err := appendAll(ctx, h.Subject(), web(), start); err != nil {
		return err
	}
	return h.Interrupted(ctx, func(s Subject) error { return s.Append(ctx, web(), end) }, func(s Subject) error {
		run, err := s.Run(ctx, web(), "r1")
		if err != nil {
			return fmt.Errorf("read run after a crash: %w", err)
		}
		if has := len(run.Events) == 2; has == run.Ended.IsZero() {
			return fmt.Errorf("after a crash the header says ended %v and there are %d events", run.Ended, len(run.Events))
		}
		if err := appendAll(ctx, s, web(), end); err != nil {
			return err
		}
		run, err = s.Run(ctx, web(), "r1")
		return errors.Join(err, same("events", run.Events, []rollout.Event{start, end}))
	})
}

func journalIsForgottenWithItsCanary(ctx context.Context, h Harness) error {
	s, e := h.Subject(), event("r1", 1, rollout.RunStarted)
	if err := errors.Join(appendAll(ctx, s, web(), e), s.Delete(ctx, web())); err != nil {
		return err
	}
	runs, err := s.Runs(ctx, web())
	if err != nil || len(runs) != 0 {
		return fmt.Errorf("runs of a deleted canary = %v, %w", runs, err)
	}
	return nil
}
