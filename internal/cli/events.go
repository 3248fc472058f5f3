package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/feed"
	"github.com/serin-dev/serin/internal/record"
	"github.com/serin-dev/serin/internal/rollout"
)

// maxSeen bounds the events that are remembered so that none is shown twice; it is above what the API answers at once.
const maxSeen = 10_000

func (a *app) eventsCommand() *cobra.Command {
	var c connection
	e := eventsView{seen: map[string]bool{}}
	var since string
	cmd := &cobra.Command{
		Use: "events [NAME]", Short: "Show what happened", Args: wants("[NAME]"),
		Long: "Events shows what happened to a canary, or to all, oldest first, with its age. With --follow it goes on with what happens\n" +
			"from then on; a connection that breaks loses nothing.",
		Example: "  serin events web\n  serin events --since 10m\n  serin events web --follow\n  serin events -o json | jq '.events[].event.message'",
	}
	e.output = outputFlag(cmd)
	f := cmd.Flags()
	f.BoolVarP(&e.follow, "follow", "f", false, "go on with what happens from now on")
	f.StringVar(&since, "since", "", "only what happened since a `TIME` (RFC 3339) or for a duration, such as 10m")
	f.IntVar(&e.limit, "limit", 500, "greatest number of events to begin with; the newest are shown")
	f.BoolVar(&e.times, "times", false, "show times instead of ages")
	c.scoped(cmd)
	cmd.ValidArgsFunction = a.completeNames(&c, nil)
	cmd.RunE = a.talk(&c, func(ctx context.Context, s *session, args []string) error {
		e.session = s
		var err error
		if e.since, err = s.moment(since); err != nil {
			return err
		}
		if e.limit < 1 || e.limit > 5000 {
			return usagef("--limit is %d: it must be from 1 to 5000", e.limit)
		}
		if len(args) == 1 {
			if e.key, err = s.key(args[0]); err != nil {
				return err
			}
		}
		if e.follow {
			return e.goOn(ctx)
		}
		return e.once(ctx)
	})
	return cmd
}

// moment reads a time, or a duration before now.
func (a *app) moment(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return a.Now().Add(-d), nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	return time.Time{}, usagef("%q is neither a duration, such as 10m, nor a time, such as 2030-06-01T12:00:00Z", text)
}

// eventsView shows events of one canary, or of all if key is zero.
type eventsView struct {
	*session

	output *format
	key    engine.Key
	since  time.Time
	limit  int
	times  bool
	follow bool
	// seen has the events that were shown, and order their ids, oldest first.
	seen  map[string]bool
	order []string
}

type eventList struct {
	Events []record.Entry `json:"events"`
}

// read returns the events that were not shown yet.
func (e *eventsView) read(ctx context.Context) ([]record.Entry, error) {
	all, err := e.client.Events(ctx, e.key, record.Query{Since: e.since, Limit: e.limit})
	if err != nil {
		return nil, e.missing(ctx, e.key, err)
	}
	fresh := all[:0]
	for _, entry := range all {
		if e.fresh(entry) {
			fresh = append(fresh, entry)
		}
	}
	return fresh, nil
}

// fresh says whether an event is to be shown, and notes that it was.
func (e *eventsView) fresh(entry record.Entry) bool {
	if e.key.Name == "" && e.scoped && entry.Namespace != e.namespace {
		return false
	}
	id := entry.Namespace + "/" + entry.Name + "/" + entry.Event.ID
	if e.seen[id] {
		return false
	}
	e.seen[id] = true
	if e.order = append(e.order, id); len(e.order) > maxSeen {
		delete(e.seen, e.order[0])
		e.order = e.order[1:]
	}
	return true
}

func (e *eventsView) once(ctx context.Context) error {
	list, err := e.read(ctx)
	if err != nil {
		return err
	}
	return e.show(e.output, eventList{list}, func(w io.Writer) {
		if len(list) == 0 {
			fmt.Fprintln(w, "Nothing happened.")
			return
		}
		e.table(list, e.paint(w)).write(w, e.paint(w))
	})
}

func (e *eventsView) table(list []record.Entry, p paint) *table {
	head := "AGE"
	if e.times {
		head = "TIME"
	}
	t := &table{heads: []string{head, "CANARY", "TYPE", "RUN", "MESSAGE"}}
	for i := range list {
		t.add(e.row(&list[i], p)...)
	}
	return t
}

func (e *eventsView) row(entry *record.Entry, p paint) []cell {
	v := &entry.Event
	at := e.age(v.At)
	if e.times {
		at = v.At.UTC().Format(time.RFC3339)
	}
	run := v.Run
	if run == "" {
		run = none
	}
	key := engine.Key{Namespace: entry.Namespace, Name: entry.Name}
	return []cell{{at, p.dim}, {e.call(key), nil}, {string(v.Type), toneOfSeverity(v.Severity, p)}, {run, nil}, {v.Message, nil}}
}

func toneOfSeverity(s rollout.Severity, p paint) tone {
	switch s {
	case rollout.Warn:
		return p.warn
	case rollout.Loud:
		return p.bad
	case rollout.Info:
		return nil
	default:
		return nil
	}
}

// goOn shows events as they come, until ctx ends.
func (e *eventsView) goOn(ctx context.Context) error {
	err := e.session.follow(ctx, e.notice(), func(c feed.Change) error {
		switch {
		case c.Kind == "" || c.Kind == feed.Missed:
			list, err := e.read(ctx)
			if err != nil {
				return err
			}
			return e.tell(list...)
		case c.Kind == feed.EventAppended && c.Event != nil && e.about(c):
			entry := record.Entry{Namespace: c.Namespace, Name: c.Name, Event: *c.Event}
			if e.fresh(entry) {
				return e.tell(entry)
			}
		}
		return nil
	})
	if interrupted(ctx, err) {
		return nil
	}
	return err
}

func (e *eventsView) about(c feed.Change) bool {
	return e.key.Name == "" || (c.Name == e.key.Name && c.Namespace == e.key.Namespace)
}

// tell writes events as they come: one line each.
func (e *eventsView) tell(list ...record.Entry) error {
	p := e.paint(e.Out)
	for i := range list {
		if e.output.value != asText {
			if err := e.line(e.output, list[i]); err != nil {
				return err
			}
			continue
		}
		row := e.row(&list[i], p)
		texts := make([]string, 0, len(row))
		for _, c := range row[1:] { // What happens now needs no age.
			text := clean(c.text)
			if c.tone != nil {
				text = c.tone(text)
			}
			texts = append(texts, text)
		}
		if e.times {
			texts = append([]string{p.dim(row[0].text)}, texts...)
		}
		fmt.Fprintln(e.Out, strings.Join(texts, "  "))
	}
	return nil
}
