package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"

	"github.com/serin-dev/serin/internal/feed"
	"github.com/serin-dev/serin/internal/httpapi"
)

// live shows a table that follows what happens, until the user ends it or ctx ends.
func (s *session) live(ctx context.Context, v *view) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	program := tea.NewProgram(newScreen(s), tea.WithContext(ctx), tea.WithInput(s.In), tea.WithOutput(s.Out), tea.WithoutSignalHandler())
	ended := make(chan error, 1)
	go func() {
		err := s.follow(ctx, func(error) { program.Send(lostMsg{}) }, func(c feed.Change) error {
			if keys, err := v.take(ctx, c); err != nil || len(keys) == 0 {
				return err
			}
			program.Send(seenMsg{v.list()})
			return nil
		})
		program.Quit()
		ended <- err
	}()
	_, err := program.Run()
	cancel()
	if failure := <-ended; failure != nil && !errors.Is(failure, context.Canceled) {
		return failure
	}
	if errors.Is(err, tea.ErrProgramKilled) {
		return nil // The context has ended, which is how a watch ends.
	}
	if err != nil {
		return fmt.Errorf("draw the live view: %w", err)
	}
	return nil
}

type (
	// seenMsg is what there is now.
	seenMsg struct{ canaries []httpapi.Canary }
	// lostMsg says that the connection is lost and is being made again.
	lostMsg struct{}
	// tickMsg lets the ages grow.
	tickMsg struct{}
)

// screen is the live view.
type screen struct {
	s             *session
	canaries      []httpapi.Canary
	width, height int
	known, lost   bool
}

func newScreen(s *session) screen { return screen{s: s} }

func tick() tea.Cmd { return tea.Tick(time.Second, func(time.Time) tea.Msg { return tickMsg{} }) }

// Init starts the clock.
func (m screen) Init() tea.Cmd { return tick() }

// Update takes a message in.
func (m screen) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.KeyMsg:
		switch msg.String() {
		case "q", "esc", "ctrl+c":
			return m, tea.Quit
		}
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case seenMsg:
		m.canaries, m.known, m.lost = msg.canaries, true, false
	case lostMsg:
		m.lost = true
	case tickMsg:
		return m, tick()
	}
	return m, nil
}

// View draws the table and, for each canary that is busy or in trouble, what it waits for.
func (m screen) View() string {
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
	foot := p.dim("q ends the view")
	if m.lost {
		foot = p.bad("The connection to the daemon is lost; connecting again …")
	}
	if room := m.height - 2; m.height > 2 && len(lines) > room {
		lines = append(lines[:room-1], p.dim(fmt.Sprintf("… %d more lines: make the window larger", len(lines)-room+1)))
	}
	lines = append(lines, foot)
	if m.width > 0 {
		cut := lipgloss.NewStyle().Renderer(p.styles).MaxWidth(m.width)
		for i := range lines {
			lines[i] = cut.Render(lines[i])
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// about says more about a canary that somebody might wonder about.
func (m screen) about(c *httpapi.Canary, p paint) []string {
	name := p.bold(m.s.call(keyOf(c)))
	switch {
	case c.Problem != "":
		return []string{name + " " + p.bad(c.Problem)}
	case c.Wait != nil:
		text := name + " " + c.Wait.Message + p.dim(", for "+m.s.age(c.Wait.Since))
		if !c.Wait.Until.IsZero() {
			text += p.dim(", deadline " + m.s.left(c.Wait.Until))
		}
		return append([]string{text}, m.metrics(c, p)...)
	case c.Run != nil && c.Run.Message != "":
		return []string{name + " " + c.Run.Message + p.dim(", "+m.s.age(c.Run.Ended)+" ago")}
	default:
		return nil
	}
}

func (m screen) metrics(c *httpapi.Canary, p paint) []string {
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
