package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/x/term"

	"github.com/serin-dev/serin/internal/feed"
	"github.com/serin-dev/serin/internal/httpapi"
)

// live shows a table that follows what happens, until ctx ends. It stays on the screen afterwards, as it was last.
//
// It draws with two escape sequences of its own. Bubble Tea asks the terminal for its colours as soon as a program that
// contains it starts: where a terminal does not answer, every command would wait five seconds for nothing.
func (s *session) live(ctx context.Context, v *view) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	news := make(chan func(*screen))
	tell := func(change func(*screen)) {
		select {
		case news <- change:
		case <-ctx.Done():
		}
	}
	ended := make(chan error, 1)
	go func() {
		lost := func(error) { tell(func(m *screen) { m.lost = true }) }
		ended <- s.follow(ctx, lost, func(c feed.Change) error {
			keys, err := v.take(ctx, c)
			if err != nil || len(keys) == 0 {
				return err
			}
			list := v.list()
			tell(func(m *screen) { m.canaries, m.known, m.lost = list, true, false })
			return nil
		})
	}()
	second := time.NewTicker(time.Second) // The ages grow.
	defer second.Stop()
	m := &screen{s: s, size: func() (int, int) { return sizeOf(s.Out) }}
	for {
		m.draw()
		select {
		case change := <-news:
			change(m)
		case <-second.C:
		case err := <-ended:
			if errors.Is(err, context.Canceled) {
				return nil // A person had seen enough.
			}
			return err
		}
	}
}

// sizeOf is the size of a terminal in columns and lines, or zeros.
func sizeOf(w io.Writer) (width, height int) {
	f, ok := w.(*os.File)
	if !ok {
		return 0, 0
	}
	width, height, err := term.GetSize(f.Fd())
	if err != nil {
		return 0, 0
	}
	return width, height
}

// screen is the live view. It belongs to one goroutine.
type screen struct {
	s           *session
	size        func() (width, height int)
	canaries    []httpapi.Canary
	known, lost bool
	// drawn are the lines that stand on the screen.
	drawn []string
}

// draw writes over what was drawn before, if there is something new.
func (m *screen) draw() {
	lines := m.lines()
	if slices.Equal(lines, m.drawn) {
		return
	}
	var b strings.Builder
	if len(m.drawn) > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", len(m.drawn)) // Up to the first line.
	}
	for _, line := range lines {
		b.WriteString("\r" + line + "\x1b[K\n") // Clears what is left of the line before.
	}
	b.WriteString("\x1b[J") // Clears what is left below.
	fmt.Fprint(m.s.Out, b.String())
	m.drawn = lines
}

// lines are the table and, for each canary that is busy or in trouble, what it waits for.
func (m *screen) lines() []string {
	width, height := m.size()
	p := m.s.paint(m.s.Out)
	var lines []string
	switch {
	case !m.known:
		lines = append(lines, "Asking "+m.s.client.Address()+" …")
	case len(m.canaries) == 0:
		lines = append(lines, "There are no canaries.")
	default:
		lines = append(lines, m.s.table(m.canaries, p, false).lines(p)...)
		lines = append(lines, "")
		for i := range m.canaries {
			lines = append(lines, m.about(&m.canaries[i], p)...)
		}
	}
	foot := p.dim("Ctrl-C ends the view")
	if m.lost {
		foot = p.bad("The connection to the daemon is lost; connecting again …")
	}
	if room := height - 2; height > 2 && len(lines) > room {
		lines = append(lines[:room-1], p.dim(fmt.Sprintf("… %d more lines: make the window larger", len(lines)-room+1)))
	}
	lines = append(lines, foot)
	if width > 0 {
		cut := lipgloss.NewStyle().Renderer(p.styles).MaxWidth(width)
		for i := range lines {
			lines[i] = cut.Render(lines[i])
		}
	}
	return lines
}

// about says more about a canary that somebody might wonder about.
func (m *screen) about(c *httpapi.Canary, p paint) []string {
	name := p.bold(m.s.call(keyOf(c)))
	switch {
	case c.Problem != "":
		return []string{name + " " + p.bad(clean(c.Problem))}
	case c.Wait != nil:
		text := name + " " + clean(c.Wait.Message) + p.dim(", for "+m.s.age(c.Wait.Since))
		switch {
		case c.Wait.Until.IsZero():
		case c.Wait.Reason == analysing:
			text += p.dim(", next check " + m.s.left(c.Wait.Until))
		default:
			text += p.dim(", deadline " + m.s.left(c.Wait.Until))
		}
		return append([]string{text}, m.metrics(c, p)...)
	case c.Run != nil && c.Run.Message != "":
		return []string{name + " " + clean(c.Run.Message) + p.dim(", "+m.s.age(c.Run.Ended)+" ago")}
	default:
		return nil
	}
}

func (m *screen) metrics(c *httpapi.Canary, p paint) []string {
	var lines []string
	for i := range c.Metrics {
		r := &c.Metrics[i]
		text := r.Metric + " " + valueOf(r) + " (" + limitsOf(r) + ")"
		if t := toneOfResult(r.Outcome, p); t != nil {
			text = t(text)
		}
		lines = append(lines, "  "+text)
	}
	return lines
}
