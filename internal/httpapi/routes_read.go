package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/record"
)

// canaryPath is the path of everything about one canary.
const canaryPath = "/api/v1/canaries/{namespace}/{name}"

// CanaryPath names a canary in a path. It is exported because the framework fills in embedded structs of that kind only.
type CanaryPath struct {
	Namespace string `path:"namespace" maxLength:"253" doc:"Namespace of the canary"`
	Name      string `path:"name" maxLength:"253" doc:"Name of the canary"`
}

func (k CanaryPath) key() engine.Key { return engine.Key{Namespace: k.Namespace, Name: k.Name} }

// answer is a response with a body.
type answer[T any] struct{ Body T }

func answered[T any](body T) *answer[T] { return &answer[T]{Body: body} }

// canaryList is a list in an object, which can get fields later.
type canaryList struct {
	Canaries []Canary `json:"canaries" nullable:"false" doc:"The canaries, by namespace and name"`
}

func (s *Server) registerCanaries() {
	huma.Register(s.api, huma.Operation{
		OperationID: "list-canaries", Method: http.MethodGet, Path: "/api/v1/canaries", Summary: "List canaries",
		Tags: []string{"canaries"}, Errors: []int{http.StatusServiceUnavailable},
	}, s.listCanaries)
	huma.Register(s.api, huma.Operation{
		OperationID: "get-canary", Method: http.MethodGet, Path: canaryPath, Summary: "Show one canary with its plan",
		Tags: []string{"canaries"}, Errors: []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, s.getCanary)
}

type listInput struct {
	Namespace string `query:"namespace" maxLength:"253" doc:"Only canaries of this namespace"`
}

func (s *Server) listCanaries(ctx context.Context, in *listInput) (*answer[canaryList], error) {
	all, err := s.backend.Canaries.Snapshots(ctx)
	if err != nil {
		return nil, s.problem(err)
	}
	list := canaryList{Canaries: []Canary{}}
	for i := range all {
		if in.Namespace == "" || in.Namespace == all[i].Key.Namespace {
			list.Canaries = append(list.Canaries, all[i].View().Canary)
		}
	}
	slices.SortFunc(list.Canaries, func(a, b Canary) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return answered(list), nil
}

func (s *Server) getCanary(ctx context.Context, in *CanaryPath) (*answer[Detail], error) {
	snapshot, err := s.backend.Canaries.Snapshot(ctx, in.key())
	if err != nil {
		return nil, s.problem(err)
	}
	return answered(snapshot.View()), nil
}

type runList struct {
	Runs []record.Run `json:"runs" nullable:"false" doc:"The runs without their events, newest first"`
}

type eventList struct {
	Events []record.Entry `json:"events" nullable:"false" doc:"The events, oldest first"`
}

func (s *Server) registerHistory() {
	errors := []int{http.StatusNotFound, http.StatusServiceUnavailable}
	huma.Register(s.api, huma.Operation{
		OperationID: "list-runs", Method: http.MethodGet, Path: canaryPath + "/runs", Summary: "List the runs of a canary",
		Tags: []string{"history"}, Errors: errors,
	}, s.listRuns)
	huma.Register(s.api, huma.Operation{
		OperationID: "get-run", Method: http.MethodGet, Path: canaryPath + "/runs/{run}", Summary: "Show the record of one run",
		Tags: []string{"history"}, Errors: errors,
	}, s.getRun)
	huma.Register(s.api, huma.Operation{
		OperationID: "list-events", Method: http.MethodGet, Path: "/api/v1/events", Summary: "List events",
		Tags: []string{"history"}, Errors: errors,
	}, s.listEvents)
}

// known refuses a canary that does not exist, so that its empty history is not taken for an answer.
func (s *Server) known(ctx context.Context, key engine.Key) error {
	if _, err := s.backend.Canaries.Snapshot(ctx, key); err != nil {
		return s.problem(err)
	}
	return nil
}

func (s *Server) listRuns(ctx context.Context, in *CanaryPath) (*answer[runList], error) {
	runs, err := s.backend.History.Runs(ctx, in.key())
	if err != nil {
		return nil, s.problem(err)
	}
	if len(runs) == 0 {
		if err := s.known(ctx, in.key()); err != nil {
			return nil, err
		}
		runs = []record.Run{}
	}
	return answered(runList{Runs: runs}), nil
}

type runInput struct {
	CanaryPath

	Run string `path:"run" maxLength:"253" doc:"Name of the run"`
}

func (s *Server) getRun(ctx context.Context, in *runInput) (*answer[record.Run], error) {
	run, err := s.backend.History.Run(ctx, in.key(), in.Run)
	if err != nil {
		return nil, s.problem(err)
	}
	return answered(run), nil
}

type eventsInput struct {
	Namespace string    `query:"namespace" maxLength:"253" doc:"Namespace of the canary; given together with name"`
	Name      string    `query:"name" maxLength:"253" doc:"Only events of this canary"`
	Since     time.Time `query:"since" doc:"Only events from this time on"`
	Limit     int       `query:"limit" minimum:"1" maximum:"5000" default:"500" doc:"Greatest number of events; the newest are kept"`
}

func (s *Server) listEvents(ctx context.Context, in *eventsInput) (*answer[eventList], error) {
	key := engine.Key{Namespace: in.Namespace, Name: in.Name}
	if (key.Namespace == "") != (key.Name == "") {
		return nil, s.problem(fault.Errorf(fault.Invalid, "namespace and name are given together or not at all"))
	}
	events, err := s.backend.History.Events(ctx, key, record.Query{Since: in.Since, Limit: in.Limit})
	if err != nil {
		return nil, s.problem(err)
	}
	if len(events) == 0 {
		if key.Name != "" {
			if err := s.known(ctx, key); err != nil {
				return nil, err
			}
		}
		events = []record.Entry{}
	}
	return answered(eventList{Events: events}), nil
}
