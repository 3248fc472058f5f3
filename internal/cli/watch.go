package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/feed"
	"github.com/serin-dev/serin/internal/httpapi"
)

// view is what a watch knows. It reads again only what changed.
type view struct {
	s *session
	// only is the canary that is watched; the zero key means all.
	only     engine.Key
	canaries map[engine.Key]httpapi.Canary
}

func (s *session) newView(args []string) (*view, error) {
	v := &view{s: s, canaries: map[engine.Key]httpapi.Canary{}}
	if len(args) == 0 {
		return v, nil
	}
	var err error
	v.only, err = s.key(args[0])
	return v, err
}

// take takes a change in and returns the canaries that may differ now.
func (v *view) take(ctx context.Context, c feed.Change) ([]engine.Key, error) {
	switch c.Kind {
	case "", feed.Missed, feed.BrakeChanged:
		return v.readAll(ctx)
	case feed.StateSaved, feed.StateDeleted, feed.EventAppended:
		key := engine.Key{Namespace: c.Namespace, Name: c.Name}
		if (v.only != engine.Key{} && key != v.only) || (v.s.scoped && key.Namespace != v.s.namespace) {
			return nil, nil
		}
		return v.read(ctx, key)
	case feed.CommandGiven:
		return nil, nil
	default:
		return nil, nil
	}
}

func (v *view) read(ctx context.Context, key engine.Key) ([]engine.Key, error) {
	d, err := v.s.client.Canary(ctx, key)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		delete(v.canaries, key)
	case err != nil:
		return nil, err
	default:
		v.canaries[key] = d.Canary
	}
	return []engine.Key{key}, nil
}

func (v *view) readAll(ctx context.Context) ([]engine.Key, error) {
	if (v.only != engine.Key{}) {
		d, err := v.s.canary(ctx, v.only)
		if err != nil {
			return nil, err
		}
		v.canaries[v.only] = d.Canary
		return []engine.Key{v.only}, nil
	}
	all, err := v.s.client.Canaries(ctx, v.s.wanted())
	if err != nil {
		return nil, err
	}
	seen := map[engine.Key]bool{}
	for key := range v.canaries {
		seen[key] = true
	}
	clear(v.canaries)
	for i := range all {
		v.canaries[keyOf(&all[i])] = all[i]
		seen[keyOf(&all[i])] = true
	}
	keys := make([]engine.Key, 0, len(seen))
	for key := range seen {
		keys = append(keys, key)
	}
	sortKeys(keys)
	return keys, nil
}

// list returns what the view knows, by namespace and name.
func (v *view) list() []httpapi.Canary {
	all := make([]httpapi.Canary, 0, len(v.canaries))
	for _, c := range v.canaries {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b httpapi.Canary) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return all
}

func sortKeys(keys []engine.Key) {
	slices.SortFunc(keys, func(a, b engine.Key) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
}

// watch shows changes until ctx ends.
func (s *session) watch(ctx context.Context, output *format, args []string) error {
	v, err := s.newView(args)
	if err != nil {
		return err
	}
	if output.value == asText && s.Terminal(s.Out) {
		return s.live(ctx, v)
	}
	tell := s.lines(v, output)
	err = s.follow(ctx, s.notice(), func(c feed.Change) error {
		keys, err := v.take(ctx, c)
		if err != nil {
			return err
		}
		for _, key := range keys {
			if err := tell(key); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, context.Canceled) {
		return nil // A person had seen enough.
	}
	return err
}

// lines returns what prints a canary as a line, if the line is a new one.
func (s *session) lines(v *view, output *format) func(engine.Key) error {
	last := map[engine.Key]string{}
	return func(key engine.Key) error {
		c, ok := v.canaries[key]
		line := s.call(key) + " gone"
		switch {
		case ok:
			line = s.lineOf(&c)
		case last[key] == "":
			return nil
		}
		if last[key] == line {
			return nil
		}
		last[key] = line
		if !ok {
			delete(last, key)
		}
		switch {
		case output.value == asText:
			fmt.Fprintln(s.Out, line)
			return nil
		case output.value == asName:
			fmt.Fprintln(s.Out, key)
			return nil
		case !ok:
			return s.line(output, httpapi.Canary{Namespace: key.Namespace, Name: key.Name, Phase: "Gone"})
		default:
			return s.line(output, c)
		}
	}
}

// lineOf is one line about a canary, the same for the same state.
func (s *session) lineOf(c *httpapi.Canary) string {
	parts := []string{s.call(keyOf(c)) + " " + phaseOf(c), "weight " + weightOf(c)}
	if c.Step.At > 0 {
		parts = append(parts, "step "+stepOf(c))
	}
	if c.FailedChecks > 0 {
		parts = append(parts, "failed checks "+failedOf(c))
	}
	if c.Wait != nil || c.Problem != "" {
		parts = append(parts, waitOf(c))
	} else if c.Run != nil && c.Run.Message != "" {
		parts = append(parts, c.Run.Message)
	}
	return clean(strings.Join(parts, ", "))
}
