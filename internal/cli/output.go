package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/lipgloss"
	"github.com/mattn/go-isatty"
	"github.com/muesli/termenv"
	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/serin-dev/serin/internal/spelling"
)

// The formats that output can have.
const (
	asText = "text"
	asJSON = "json"
	asYAML = "yaml"
	asName = "name"
)

// format is the value of -o.
type format struct {
	value   string
	allowed []string
	// kind names the values in help texts, where they are too many to list.
	kind string
}

// String returns the format.
func (f *format) String() string { return f.value }

// Type names the value in help texts.
func (f *format) Type() string {
	if f.kind != "" {
		return f.kind
	}
	return strings.Join(f.allowed, "|")
}

// Set takes a format that is allowed.
func (f *format) Set(value string) error {
	if !slices.Contains(f.allowed, value) {
		return unknownWord(value, f.allowed)
	}
	f.value = value
	return nil
}

// unknownWord is the error for a word that is none of those allowed.
func unknownWord(word string, allowed []string) error {
	hint := ""
	if near := spelling.Nearest(word, allowed); near != "" {
		hint = fmt.Sprintf(" (did you mean %s?)", near)
	}
	return fmt.Errorf("%q is none of %s%s", word, strings.Join(allowed, ", "), hint)
}

// outputFlag adds -o with text, JSON, YAML and the formats in more.
func outputFlag(cmd *cobra.Command, more ...string) *format {
	f := &format{value: asText, allowed: append([]string{asText, asJSON, asYAML}, more...)}
	cmd.Flags().VarP(f, "output", "o", "format of the output")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(f.allowed, cobra.ShellCompDirectiveNoFileComp)) // It fails for flags that do not exist.
	return f
}

// show writes a value for machines, or lets human write it for people.
func (a *app) show(f *format, value any, human func(w io.Writer)) error {
	switch f.value {
	case asJSON:
		data, err := json.MarshalIndent(value, "", "  ")
		if err != nil {
			return fmt.Errorf("encode the answer: %w", err)
		}
		fmt.Fprintf(a.Out, "%s\n", data)
	case asYAML:
		data, err := yaml.Marshal(value)
		if err != nil {
			return fmt.Errorf("encode the answer: %w", err)
		}
		fmt.Fprintf(a.Out, "%s", data)
	default:
		human(a.Out)
	}
	return nil
}

// line writes one value of a sequence for machines: JSON in one line, YAML as a document.
func (a *app) line(f *format, value any) error {
	if f.value == asYAML {
		fmt.Fprintln(a.Out, "---")
		return a.show(f, value, nil)
	}
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	fmt.Fprintf(a.Out, "%s\n", data)
	return nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// paint colours words, where somebody can see colours and has not asked for none.
type paint struct{ styles *lipgloss.Renderer }

func (a *app) paint(w io.Writer) paint {
	r := lipgloss.NewRenderer(w)
	r.SetColorProfile(termenv.Ascii)
	if a.Terminal(w) && a.Env("NO_COLOR") == "" && a.Env("TERM") != "dumb" {
		r.SetColorProfile(termenv.ANSI)
	}
	return paint{styles: r}
}

func (p paint) coloured(text, colour string) string {
	if text == "" {
		return ""
	}
	return p.styles.NewStyle().Foreground(lipgloss.Color(colour)).Render(text)
}

func (p paint) good(text string) string { return p.coloured(text, "2") }
func (p paint) bad(text string) string  { return p.coloured(text, "1") }
func (p paint) warn(text string) string { return p.coloured(text, "3") }
func (p paint) dim(text string) string  { return p.coloured(text, "8") }
func (p paint) bold(text string) string { return p.styles.NewStyle().Bold(true).Render(text) }

// tone says how a cell is painted.
type tone func(string) string

// cell is a text with the tone that it is shown in; nil means plain.
type cell struct {
	text string
	tone tone
}

// table lays out cells in columns. Colours do not count as width.
type table struct {
	heads []string
	rows  [][]cell
}

func (t *table) add(cells ...cell) { t.rows = append(t.rows, cells) }

// plain adds a row without tones.
func (t *table) plain(texts ...string) {
	row := make([]cell, 0, len(texts))
	for _, text := range texts {
		row = append(row, cell{text: text})
	}
	t.rows = append(t.rows, row)
}

// lines lays the table out, its heads first.
func (t *table) lines(p paint) []string {
	rows := t.rows
	if len(t.heads) > 0 {
		head := make([]cell, 0, len(t.heads))
		for _, text := range t.heads {
			head = append(head, cell{text, p.bold})
		}
		rows = append([][]cell{head}, rows...)
	}
	var widths []int
	for _, row := range rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	lines := make([]string, 0, len(rows))
	for _, row := range rows {
		lines = append(lines, layOut(row, widths))
	}
	return lines
}

func layOut(row []cell, widths []int) string {
	var b strings.Builder
	pad := 0
	for i, c := range row {
		if c.text == "" && i == len(row)-1 {
			break
		}
		b.WriteString(strings.Repeat(" ", pad))
		text := clean(c.text)
		if c.tone != nil {
			text = c.tone(text)
		}
		b.WriteString(text)
		pad = widths[i] - utf8.RuneCountInString(c.text) + 2
	}
	return b.String()
}

// clean replaces what would move the cursor or worse: hooks, pods and metrics put words of their own into messages.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

func (t *table) write(w io.Writer, p paint) {
	for _, line := range t.lines(p) {
		fmt.Fprintln(w, line)
	}
}
