package cli

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
)

// logOptions are what the flags say about the log.
type logOptions struct {
	format format
	level  slog.Level
}

// logger writes to the standard error: JSON for machines, or short lines for people.
func (a *app) logger(o *logOptions) *slog.Logger {
	if o.format.value == asJSON {
		return slog.New(slog.NewJSONHandler(a.Err, &slog.HandlerOptions{Level: o.level}))
	}
	layout := time.RFC3339
	if a.Terminal(a.Err) {
		layout = time.TimeOnly
	}
	return slog.New(&logHandler{shared: &logOutput{w: a.Err}, paint: a.paint(a.Err), level: o.level, layout: layout})
}

// logOutput is what all handlers made from one share.
type logOutput struct {
	mu sync.Mutex
	w  io.Writer
}

// logHandler writes a record as a line for people: the time, the level where it matters, the message, and the
// attributes behind it. Text of several lines goes below, so that it stays readable.
type logHandler struct {
	shared *logOutput
	paint  paint
	level  slog.Level
	layout string
	// attrs are those that every record has, group the names that come before a key.
	attrs []slog.Attr
	group string
}

// Enabled says whether records of a level are written.
func (h *logHandler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level }

// WithAttrs returns a handler whose records have more attributes.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	next.attrs = append([]slog.Attr{}, h.attrs...)
	for _, a := range attrs {
		a.Key = h.group + a.Key
		next.attrs = append(next.attrs, a)
	}
	return &next
}

// WithGroup returns a handler that puts a name before the keys that come.
func (h *logHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	next := *h
	next.group = h.group + name + "."
	return &next
}

// Handle writes a record.
func (h *logHandler) Handle(_ context.Context, r slog.Record) error {
	l := logLine{paint: h.paint}
	if !r.Time.IsZero() {
		l.b.WriteString(h.paint.dim(r.Time.Format(h.layout)) + " ")
	}
	l.b.WriteString(h.levelText(r.Level) + " " + r.Message)
	for _, a := range h.attrs {
		l.attr("", a)
	}
	r.Attrs(func(a slog.Attr) bool {
		l.attr(h.group, a)
		return true
	})
	l.b.WriteByte('\n')
	l.b.Write(l.below.Bytes())
	h.shared.mu.Lock()
	defer h.shared.mu.Unlock()
	_, err := h.shared.w.Write(l.b.Bytes())
	return err
}

func (h *logHandler) levelText(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return h.paint.bad("ERROR")
	case level >= slog.LevelWarn:
		return h.paint.warn("WARN ")
	case level >= slog.LevelInfo:
		return h.paint.good("INFO ")
	default:
		return h.paint.dim("DEBUG")
	}
}

// logLine is a line in the making, with what goes below it.
type logLine struct {
	paint    paint
	b, below bytes.Buffer
}

func (l *logLine) attr(prefix string, a slog.Attr) {
	value := a.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, member := range value.Group() {
			l.attr(prefix, member)
		}
		return
	}
	if a.Equal(slog.Attr{}) {
		return
	}
	text := value.String()
	if strings.Contains(text, "\n") {
		l.below.WriteString("    " + l.paint.dim(prefix+a.Key+":") + "\n")
		for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
			l.below.WriteString("      " + clean(line) + "\n")
		}
		return
	}
	l.b.WriteString(" " + l.paint.dim(prefix+a.Key+"=") + quoted(text))
}

// quoted quotes what would not be seen as one word.
func quoted(text string) string {
	if text == "" || strings.ContainsAny(text, " =\"") || clean(text) != text || strings.ContainsAny(text, "\t\n") {
		return strconv.Quote(text)
	}
	return text
}
