package storetest

import (
	"context"
	"errors"
	"fmt"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/record"
	"github.com/serin-dev/serin/internal/rollout"
)

func inboxLaws() []Law {
	return []Law{
		{"InboxIsEmpty", inboxIsEmpty},
		{"InboxOffersInOrder", inboxOffersInOrder},
		{"InboxLetsConsumedGo", inboxLetsConsumedGo},
		{"InboxTakesACommandOnce", inboxTakesACommandOnce},
		{"InboxNamesACommand", inboxNamesACommand},
		{"InboxTellsWhatBecameOfACommand", inboxTellsWhatBecameOfACommand},
		{"InboxIsBounded", inboxIsBounded},
		{"InboxSurvivesARestart", inboxSurvivesARestart},
		{"InboxHasABrake", inboxHasABrake},
	}
}

func command(uid string, verb rollout.Verb) rollout.Command {
	return rollout.Command{
		UID: uid, Verb: verb, Run: "r1", Revision: "rev-1",
		Intent: rollout.Intent{By: "ada", Reason: "because", At: noon()},
	}
}

func give(ctx context.Context, d Desk, key engine.Key, commands ...rollout.Command) error {
	for _, c := range commands {
		got, err := d.Give(ctx, key, c)
		if err := errors.Join(err, same("ticket", got, record.Ticket{Command: c, Status: record.Open})); err != nil {
			return err
		}
	}
	return nil
}

func inboxIsEmpty(ctx context.Context, h Harness) error {
	s := h.Subject()
	s.Consumed(web(), []string{"nothing"})
	if got := s.Commands(web()); len(got) != 0 {
		return fmt.Errorf("commands of nothing = %v", got)
	}
	_, err := s.Ticket(ctx, web(), "none")
	return refused(err, fault.NotFound, "a command that nobody gave")
}

func inboxOffersInOrder(ctx context.Context, h Harness) error {
	s, want := h.Subject(), []rollout.Command{command("z", rollout.Pause), command("a", rollout.Resume), command("m", rollout.Abort)}
	if err := errors.Join(give(ctx, s, web(), want...), give(ctx, s, api(), command("z", rollout.Retry))); err != nil {
		return err
	}
	return errors.Join(
		same("commands", s.Commands(web()), want),
		same("commands of the other", s.Commands(api()), []rollout.Command{command("z", rollout.Retry)}),
	)
}

func inboxLetsConsumedGo(ctx context.Context, h Harness) error {
	s, rest := h.Subject(), command("b", rollout.Resume)
	if err := give(ctx, s, web(), command("a", rollout.Pause), rest, command("c", rollout.Abort)); err != nil {
		return err
	}
	s.Consumed(web(), []string{"c", "a", "stranger"})
	s.Consumed(web(), nil)
	return same("commands", s.Commands(web()), []rollout.Command{rest})
}

func inboxTakesACommandOnce(ctx context.Context, h Harness) error {
	s, c := h.Subject(), command("a", rollout.Pause)
	if err := errors.Join(give(ctx, s, web(), c), give(ctx, s, web(), c)); err != nil {
		return err
	}
	if err := same("commands", s.Commands(web()), []rollout.Command{c}); err != nil {
		return err
	}
	s.Consumed(web(), []string{"a"})
	got, err := s.Give(ctx, web(), c)
	return errors.Join(err,
		same("ticket", got, record.Ticket{Command: c, Status: record.Consumed}),
		same("commands", len(s.Commands(web())), 0))
}

func inboxNamesACommand(ctx context.Context, h Harness) error {
	s, c := h.Subject(), rollout.Command{Verb: rollout.Abort, Intent: rollout.Intent{By: "ada"}}
	one, err := s.Give(ctx, web(), c)
	two, err2 := s.Give(ctx, web(), c)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	if one.Command.UID == "" || one.Command.UID == two.Command.UID || one.Command.At.IsZero() {
		return fmt.Errorf("tickets %+v and %+v: each command needs a UID of its own and a time", one, two)
	}
	return same("commands", s.Commands(web()), []rollout.Command{one.Command, two.Command})
}

func inboxTellsWhatBecameOfACommand(ctx context.Context, h Harness) error {
	s := h.Subject()
	if err := give(ctx, s, web(), command("a", rollout.Pause), command("b", rollout.Promote), command("c", rollout.Skip)); err != nil {
		return err
	}
	s.Consumed(web(), []string{"a", "b"})
	taken, denied := event("r1", 1, rollout.CommandTaken), event("r1", 2, rollout.CommandRefused)
	taken.Reason, denied.Reason = "a", "b"
	// An event of another type with such a reason is no answer to it.
	other := event("r1", 3, rollout.VerdictReached)
	other.Reason = "c"
	if err := appendAll(ctx, s, web(), taken, denied, other); err != nil {
		return err
	}
	want := map[string]record.Ticket{
		"a": {Command: command("a", rollout.Pause), Status: record.Taken, Message: taken.Message},
		"b": {Command: command("b", rollout.Promote), Status: record.Refused, Message: denied.Message},
		"c": {Command: command("c", rollout.Skip), Status: record.Open},
	}
	// Consumed once more, as after a crash between the two: the answer stays.
	s.Consumed(web(), []string{"a", "b"})
	for uid, ticket := range want {
		got, err := s.Ticket(ctx, web(), uid)
		if err := errors.Join(err, same("ticket "+uid, got, ticket)); err != nil {
			return err
		}
	}
	return nil
}

func inboxIsBounded(ctx context.Context, h Harness) error {
	s, limit := h.Subject(), h.Limits().Commands
	for n := range limit {
		if err := give(ctx, s, web(), command(fmt.Sprint("c", n), rollout.Pause)); err != nil {
			return err
		}
	}
	_, err := s.Give(ctx, web(), command("over", rollout.Abort))
	if err := refused(err, fault.Unavailable, "a command for a full inbox"); err != nil {
		return err
	}
	s.Consumed(web(), []string{"c1"})
	if err := give(ctx, s, web(), command("fits", rollout.Abort)); err != nil {
		return err
	}
	_, err = s.Ticket(ctx, web(), "c1")
	return errors.Join(refused(err, fault.NotFound, "a consumed command that made room"), same("open commands", len(s.Commands(web())), limit))
}

func inboxSurvivesARestart(ctx context.Context, h Harness) error {
	open := command("a", rollout.Pause)
	if err := give(ctx, h.Subject(), web(), open, command("b", rollout.Skip)); err != nil {
		return err
	}
	h.Subject().Consumed(web(), []string{"b"})
	brake := rollout.Intent{By: "ada", Reason: "fire", At: noon()}
	if err := errors.Join(h.Subject().SetBrake(ctx, &brake), h.Reopen(ctx)); err != nil {
		return err
	}
	return errors.Join(
		same("commands", h.Subject().Commands(web()), []rollout.Command{open}),
		same("brake", h.Subject().Brake(), &brake),
	)
}

func inboxHasABrake(ctx context.Context, h Harness) error {
	s, none := h.Subject(), (*rollout.Intent)(nil)
	first, second := rollout.Intent{By: "ada", At: noon()}, rollout.Intent{By: "bob", Reason: "still", At: noon()}
	for _, want := range []*rollout.Intent{none, &first, &second, none, none} {
		if err := s.SetBrake(ctx, want); err != nil {
			return fmt.Errorf("set brake: %w", err)
		}
		if err := same("brake", s.Brake(), want); err != nil {
			return err
		}
	}
	return nil
}
