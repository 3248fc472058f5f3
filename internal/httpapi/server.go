package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/serin-dev/serin/internal/fault"
)

// The bounds of one request.
const (
	// maxBody is far above what any command needs.
	maxBody = 64 << 10
	// requestTime bounds a request that is no stream.
	requestTime = 30 * time.Second
	// drainTime is how long requests in progress may go on when the server ends.
	drainTime = 5 * time.Second
	// maxStreams bounds the streams and followed logs that are open at once.
	maxStreams = 64
	// heartbeat is how often a quiet stream says that it is alive.
	heartbeat = 15 * time.Second
)

// Options adjust a Server. The zero value serves the loopback interface without a token.
type Options struct {
	// Token is what a client has to present. Without one, nothing but the loopback interface is served.
	Token string
	// Version is what /version says.
	Version Version
	// Logger gets failures that the client cannot be told; nil means none.
	Logger *slog.Logger
	// Heartbeat is how often a quiet stream says that it is alive. Default 15 s.
	Heartbeat time.Duration
}

// Version says which build answers.
type Version struct {
	Version string `json:"version" doc:"Version of Serin"`
	Commit  string `json:"commit,omitempty" doc:"Commit it was built from"`
	Go      string `json:"go,omitempty" doc:"Version of Go it was built with"`
}

//go:generate go test -run TestDocument . -update

// Server serves the API.
type Server struct {
	backend Backend
	options Options
	mux     *http.ServeMux
	api     huma.API
	// closing is closed when the server ends, so that streams end with it.
	closing chan struct{}
	// streams has a place for every stream that may be open.
	streams chan struct{}
}

// New returns a Server for a backend.
func New(b Backend, o Options) (*Server, error) {
	if b.Canaries == nil || b.History == nil || b.Desk == nil || b.Daemon == nil || b.Feed == nil {
		return nil, fault.Errorf(fault.Invalid, "the API needs every part of its backend")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Heartbeat <= 0 {
		o.Heartbeat = heartbeat
	}
	if o.Version.Version == "" {
		o.Version.Version = "unknown"
	}
	s := &Server{
		backend: b, options: o, mux: http.NewServeMux(),
		closing: make(chan struct{}), streams: make(chan struct{}, maxStreams),
	}
	s.api = humago.New(s.mux, config())
	s.register()
	if err := s.serveDocument(); err != nil {
		return nil, err
	}
	return s, nil
}

// config describes the API. The pages and schema links that the framework offers are off: they would load scripts from
// elsewhere and put fields into every answer.
func config() huma.Config {
	c := huma.DefaultConfig("Serin", "v1")
	c.Info.Description = "What a running Serin knows and what it can be told. Weights are parts of 100,000."
	c.DocsPath, c.SchemasPath, c.OpenAPIPath, c.CreateHooks = "", "", "", nil
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", Description: "Required unless the API is served on the loopback interface without a token."},
	}
	c.Security = []map[string][]string{{}, {"token": {}}}
	return c
}

func (s *Server) register() {
	s.registerCanaries()
	s.registerHistory()
	s.registerCommands()
	s.registerStreams()
	s.registerDaemon()
}

// Document returns the OpenAPI description of the API.
func (s *Server) Document() ([]byte, error) {
	data, err := s.api.OpenAPI().YAML()
	if err != nil {
		return nil, fmt.Errorf("describe the API: %w", err)
	}
	return append([]byte("# Generated from internal/httpapi; do not edit.\n"), data...), nil
}

func (s *Server) serveDocument() error {
	document, err := s.Document()
	if err != nil {
		return err
	}
	s.mux.HandleFunc("GET /openapi.yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		// A client that went away is no failure of ours.
		_, _ = w.Write(document)
	})
	return nil
}

// Handle adds a page beside the API, under the same protection. It must be called before Serve.
func (s *Server) Handle(pattern string, h http.Handler) { s.mux.Handle(pattern, h) }

// Admits refuses an address that is open to other machines while there is no token. Serve refuses it as well; whoever
// asks first has started nothing by then.
func (s *Server) Admits(a net.Addr) error {
	if s.options.Token != "" || isLoopback(a) {
		return nil
	}
	return fault.Errorf(fault.Denied, "the API on %s is open to other machines and has no token: "+
		"give it one with --token-file, or listen on 127.0.0.1", a)
}

// Serve answers on the listener until the context ends, and then lets requests in progress finish. It is called once
// and closes the listener. It refuses to serve other machines without a token.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	if err := s.Admits(ln.Addr()); err != nil {
		return errors.Join(ln.Close(), err)
	}
	srv := &http.Server{
		Handler:           s.guard(isLoopback(ln.Addr())),
		ReadHeaderTimeout: requestTime,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    maxBody,
		ErrorLog:          slog.NewLogLogger(s.options.Logger.Handler(), slog.LevelWarn),
	}
	srv.RegisterOnShutdown(func() { close(s.closing) })
	ended := make(chan error, 1)
	go func() {
		err := srv.Serve(ln)
		if errors.Is(err, http.ErrServerClosed) {
			err = nil // It ended because it was told to.
		}
		ended <- err
	}()
	select {
	case err := <-ended:
		return fmt.Errorf("serve the API: %w", err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	err := srv.Shutdown(drain)
	if err != nil {
		err = errors.Join(fmt.Errorf("end the API: %w", err), srv.Close())
	}
	return errors.Join(err, <-ended)
}
