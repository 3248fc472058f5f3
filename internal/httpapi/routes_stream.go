package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/feed"
	"github.com/serin-dev/serin/internal/rollout"
)

// streamPath is where changes are told.
const streamPath = "/api/v1/stream"

func now() time.Time { return time.Now().UTC() }

type streamInput struct {
	After       uint64 `query:"after" doc:"Go on after the change with this id; 0 means from now on"`
	LastEventID uint64 `header:"Last-Event-ID" doc:"The same, as a browser sends it when it connects again"` //nolint:tagliatelle // the name that the standard of server-sent events gives it
}

type logsInput struct {
	CanaryPath

	Side   rollout.SideName `query:"side" enum:"primary,canary" default:"canary" doc:"Which version's logs"`
	Pod    string           `query:"pod" maxLength:"253" doc:"Only this pod's"`
	Tail   int              `query:"tail" minimum:"0" maximum:"100000" default:"100" doc:"Number of lines to begin with; 0 means all that are kept"`
	Follow bool             `query:"follow" doc:"Go on with what is written from now on"`
}

func (s *Server) registerStreams() {
	changes := s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[feed.Change](), true, "Change")
	huma.Register(s.api, huma.Operation{
		OperationID: "stream-changes", Method: http.MethodGet, Path: streamPath, Summary: "Tell every change as a server-sent event",
		Description: "Each event has the id of its change, the kind of the change as its type, and the change as its data. An event " +
			"of the type missed means that changes were lost: read everything again. Comments are heartbeats.",
		Tags: []string{"canaries"}, Errors: []int{http.StatusServiceUnavailable},
		Responses: map[string]*huma.Response{"200": {
			Description: "The stream", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: changes}},
		}},
	}, s.stream)
	huma.Register(s.api, huma.Operation{
		OperationID: "get-logs", Method: http.MethodGet, Path: canaryPath + "/logs", Summary: "Show what the pods of one side wrote",
		Tags: []string{"canaries"}, Errors: []int{http.StatusNotFound, http.StatusServiceUnavailable},
		Responses: map[string]*huma.Response{"200": {
			Description: "The lines", Content: map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: "string"}}},
		}},
	}, s.logs)
}

// admit gives a stream a place, or says that there is none.
func (s *Server) admit() (release func(), err error) {
	select {
	case s.streams <- struct{}{}:
		return func() { <-s.streams }, nil
	default:
		return nil, s.problem(fault.Errorf(fault.Unavailable, "%d streams are open already: close one, or try again later", maxStreams))
	}
}

// untilClosing returns a context that also ends when the server does.
func (s *Server) untilClosing(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-s.closing:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

func (s *Server) stream(ctx context.Context, in *streamInput) (*huma.StreamResponse, error) {
	release, err := s.admit()
	if err != nil {
		return nil, err
	}
	after := in.After
	if in.LastEventID > 0 {
		after = in.LastEventID
	}
	ctx, cancel := s.untilClosing(ctx)
	// The answer's head promises that nothing is missed from now on, so the subscription comes before it.
	changes := s.backend.Feed.Subscribe(after)
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		defer release()
		defer cancel()
		s.tell(ctx, newFlusher(hctx, "text/event-stream"), changes)
	}}, nil
}

// tell writes changes until the reader or the server goes away.
func (s *Server) tell(ctx context.Context, out *flusher, sub *feed.Subscription) {
	if _, err := io.WriteString(out, ": connected\n\n"); err != nil {
		return
	}
	for {
		wait, cancel := context.WithTimeout(ctx, s.options.Heartbeat)
		c, err := sub.Next(wait)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, context.DeadlineExceeded):
			_, err = io.WriteString(out, ": heartbeat\n\n")
		case err == nil:
			err = writeChange(out, c)
		}
		if err != nil {
			return
		}
	}
}

func writeChange(out io.Writer, c feed.Change) error {
	data, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode change: %w", err)
	}
	_, err = fmt.Fprintf(out, "id: %d\nevent: %s\ndata: %s\n\n", c.ID, c.Kind, data)
	return err
}

func (s *Server) logs(ctx context.Context, in *logsInput) (*huma.StreamResponse, error) {
	release, err := s.admit()
	if err != nil {
		return nil, err
	}
	ctx, cancel := s.untilClosing(ctx)
	lines, err := s.backend.Daemon.Logs(ctx, LogQuery{Key: in.key(), Side: in.Side, Pod: in.Pod, Tail: in.Tail, Follow: in.Follow})
	if err != nil {
		cancel()
		release()
		return nil, s.problem(err)
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		defer release()
		defer cancel()
		defer func() { _ = lines.Close() }()
		out := newFlusher(hctx, "text/plain; charset=utf-8")
		// The reader may be gone and the process may have ended: both are the end of the answer and nothing more. What is
		// left is a log that cannot be read.
		if _, err := io.Copy(out, lines); err != nil && ctx.Err() == nil {
			s.options.Logger.Warn("Logs end early", slog.String("canary", in.key().String()), slog.Any("error", err))
		}
	}}, nil
}

// flusher sends each write at once, and gives each its own time.
type flusher struct {
	w       io.Writer
	control *http.ResponseController
}

func newFlusher(ctx huma.Context, contentType string) *flusher {
	ctx.SetHeader("Content-Type", contentType)
	ctx.SetHeader("Cache-Control", "no-store")
	ctx.SetHeader("X-Content-Type-Options", "nosniff")
	_, w := humago.Unwrap(ctx)
	f := &flusher{w: w, control: http.NewResponseController(w)}
	// A quiet log is an answer too: the client is to see its beginning at once.
	_ = f.control.Flush()
	return f
}

// Write sends p.
func (f *flusher) Write(p []byte) (int, error) {
	if err := f.control.SetWriteDeadline(time.Now().Add(requestTime)); err != nil {
		return 0, fmt.Errorf("extend the time of a stream: %w", err)
	}
	n, err := f.w.Write(p)
	if err != nil {
		return n, err
	}
	return n, f.control.Flush()
}
