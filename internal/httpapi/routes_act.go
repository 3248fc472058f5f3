package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/serin-dev/serin/internal/record"
	"github.com/serin-dev/serin/internal/rollout"
)

// Order is what a person tells a canary.
type Order struct {
	Verb   rollout.Verb `json:"verb" enum:"promote,abort,pause,resume,retry,skip" doc:"What to do"`
	Reason string       `json:"reason,omitempty" maxLength:"1024" doc:"Why; it is kept in the record of the run"`
	By     string       `json:"by,omitempty" maxLength:"253" doc:"Who; it is kept in the record of the run"`
	// Run and Revision guard against acting on what the person has not seen.
	Run      string `json:"run,omitempty" maxLength:"253" doc:"The run that is meant; the command is refused if another one is current"`
	Revision string `json:"revision,omitempty" maxLength:"253" doc:"The revision that is meant; the command is refused if another one is current"`
	UID      string `json:"uid,omitempty" pattern:"^[A-Za-z0-9-]{8,64}$" doc:"A name for the command. Sending it again with the same name does it once"`
}

// Because is who wants something and why.
type Because struct {
	Reason string `json:"reason,omitempty" maxLength:"1024" doc:"Why"`
	By     string `json:"by,omitempty" maxLength:"253" doc:"Who"`
}

// BrakeView is the pause of the whole installation.
type BrakeView struct {
	Brake *rollout.Intent `json:"brake,omitempty" doc:"Who paused every canary and why; absent if nobody did"`
}

type orderInput struct {
	CanaryPath

	Body Order
}

type ticketInput struct {
	CanaryPath

	UID string `path:"uid" maxLength:"64" doc:"Name of the command"`
}

func (s *Server) registerCommands() {
	tags := []string{"commands"}
	huma.Register(s.api, huma.Operation{
		OperationID: "give-command", Method: http.MethodPost, Path: canaryPath + "/commands", DefaultStatus: http.StatusAccepted,
		Summary: "Tell a canary what to do", Tags: tags, MaxBodyBytes: maxBody,
		Errors: []int{http.StatusNotFound, http.StatusRequestEntityTooLarge, http.StatusServiceUnavailable},
	}, s.giveCommand)
	huma.Register(s.api, huma.Operation{
		OperationID: "get-command", Method: http.MethodGet, Path: canaryPath + "/commands/{uid}",
		Summary: "Show what became of a command", Tags: tags, Errors: []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, s.getCommand)
	huma.Register(s.api, huma.Operation{
		OperationID: "get-brake", Method: http.MethodGet, Path: "/api/v1/brake", Summary: "Show whether every canary is paused", Tags: tags,
	}, s.getBrake)
	huma.Register(s.api, huma.Operation{
		OperationID: "set-brake", Method: http.MethodPost, Path: "/api/v1/brake", Summary: "Pause every canary",
		Tags: tags, MaxBodyBytes: maxBody, Errors: []int{http.StatusServiceUnavailable},
	}, s.setBrake)
	huma.Register(s.api, huma.Operation{
		OperationID: "clear-brake", Method: http.MethodDelete, Path: "/api/v1/brake", Summary: "Let every canary go on",
		Tags: tags, Errors: []int{http.StatusServiceUnavailable},
	}, s.clearBrake)
}

func (s *Server) giveCommand(ctx context.Context, in *orderInput) (*answer[record.Ticket], error) {
	if err := s.known(ctx, in.key()); err != nil {
		return nil, err
	}
	o := in.Body
	ticket, err := s.backend.Desk.Give(ctx, in.key(), rollout.Command{
		UID: o.UID, Verb: o.Verb, Run: o.Run, Revision: o.Revision, Intent: rollout.Intent{By: o.By, Reason: o.Reason},
	})
	if err != nil {
		return nil, s.problem(err)
	}
	return answered(ticket), nil
}

func (s *Server) getCommand(ctx context.Context, in *ticketInput) (*answer[record.Ticket], error) {
	ticket, err := s.backend.Desk.Ticket(ctx, in.key(), in.UID)
	if err != nil {
		return nil, s.problem(err)
	}
	return answered(ticket), nil
}

func (s *Server) getBrake(context.Context, *struct{}) (*answer[BrakeView], error) {
	return answered(BrakeView{Brake: s.backend.Desk.Brake()}), nil
}

func (s *Server) setBrake(ctx context.Context, in *answer[Because]) (*answer[BrakeView], error) {
	intent := rollout.Intent{By: in.Body.By, Reason: in.Body.Reason, At: now()}
	if err := s.backend.Desk.PauseAll(ctx, intent); err != nil {
		return nil, s.problem(err)
	}
	return answered(BrakeView{Brake: &intent}), nil
}

// liftInput is a Because in the query: a DELETE has no body.
type liftInput struct {
	By     string `query:"by" maxLength:"253" doc:"Who"`
	Reason string `query:"reason" maxLength:"1024" doc:"Why"`
}

func (s *Server) clearBrake(ctx context.Context, in *liftInput) (*answer[BrakeView], error) {
	if err := s.backend.Desk.ResumeAll(ctx, rollout.Intent{By: in.By, Reason: in.Reason, At: now()}); err != nil {
		return nil, s.problem(err)
	}
	return answered(BrakeView{}), nil
}

type objectList struct {
	Objects []Object `json:"objects" nullable:"false" doc:"The manifests, by kind, namespace and name"`
}

// Health says how the daemon is.
type Health struct {
	Status string `json:"status" doc:"ok, or what is missing"`
}

func (s *Server) registerDaemon() {
	tags := []string{"daemon"}
	huma.Register(s.api, huma.Operation{
		OperationID: "list-objects", Method: http.MethodGet, Path: "/api/v1/objects", Tags: tags,
		Summary: "List the manifests that the daemon works with", Errors: []int{http.StatusServiceUnavailable},
	}, s.listObjects)
	huma.Register(s.api, huma.Operation{
		OperationID: "shutdown", Method: http.MethodPost, Path: "/api/v1/shutdown", DefaultStatus: http.StatusAccepted,
		Summary: "End the daemon in order", Tags: tags, MaxBodyBytes: maxBody, Errors: []int{http.StatusServiceUnavailable},
	}, s.shutdown)
	huma.Register(s.api, huma.Operation{
		OperationID: "version", Method: http.MethodGet, Path: "/version", Summary: "Show which build answers", Tags: tags,
	}, func(context.Context, *struct{}) (*answer[Version], error) { return answered(s.options.Version), nil })
	huma.Register(s.api, huma.Operation{
		OperationID: "health", Method: http.MethodGet, Path: "/healthz", Summary: "Say that the process lives", Tags: tags,
		Security: []map[string][]string{{}},
	}, func(context.Context, *struct{}) (*answer[Health], error) { return answered(Health{Status: "ok"}), nil })
	huma.Register(s.api, huma.Operation{
		OperationID: "readiness", Method: http.MethodGet, Path: "/readyz", Summary: "Say whether canaries are worked on", Tags: tags,
		Security: []map[string][]string{{}}, Errors: []int{http.StatusServiceUnavailable},
	}, s.readiness)
}

func (s *Server) listObjects(ctx context.Context, _ *struct{}) (*answer[objectList], error) {
	objects, err := s.backend.Daemon.Objects(ctx)
	if err != nil {
		return nil, s.problem(err)
	}
	list := objectList{Objects: append([]Object{}, objects...)}
	slices.SortFunc(list.Objects, func(a, b Object) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return answered(list), nil
}

func (s *Server) shutdown(ctx context.Context, in *answer[Because]) (*answer[Health], error) {
	if err := s.backend.Daemon.Shutdown(ctx, rollout.Intent{By: in.Body.By, Reason: in.Body.Reason, At: now()}); err != nil {
		return nil, s.problem(err)
	}
	return answered(Health{Status: "ending"}), nil
}

func (s *Server) readiness(ctx context.Context, _ *struct{}) (*answer[Health], error) {
	if err := s.backend.Daemon.Ready(ctx); err != nil {
		return nil, huma.NewError(http.StatusServiceUnavailable, err.Error())
	}
	return answered(Health{Status: "ok"}), nil
}
