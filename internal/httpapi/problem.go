package httpapi

import (
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/serin-dev/serin/internal/fault"
)

// statusOf says which answer a kind of failure is.
func statusOf(kind fault.Kind) int {
	switch kind {
	case fault.NotFound, fault.NoData:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.Denied:
		return http.StatusForbidden
	case fault.Invalid:
		return http.StatusUnprocessableEntity
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	case fault.Unsupported:
		return http.StatusNotImplemented
	case fault.Unknown:
		return http.StatusInternalServerError
	default:
		return http.StatusInternalServerError
	}
}

// KindOf is the way back: the kind of failure that a status means.
func KindOf(status int) fault.Kind {
	switch status {
	case http.StatusNotFound:
		return fault.NotFound
	case http.StatusConflict:
		return fault.Conflict
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusMisdirectedRequest:
		return fault.Denied
	case http.StatusNotImplemented, http.StatusMethodNotAllowed:
		return fault.Unsupported
	}
	if status >= http.StatusBadRequest && status < http.StatusInternalServerError && status != http.StatusTooManyRequests {
		return fault.Invalid
	}
	return fault.Unavailable
}

// problem makes the answer for a failure. What nobody has classified was not written for people: it is logged, and the
// client is told where to look.
func (s *Server) problem(err error) error {
	status := statusOf(fault.KindOf(err))
	if status == http.StatusInternalServerError {
		s.options.Logger.Error("Request failed", slog.Any("error", err))
		return huma.NewError(status, "the request failed: the log of serin up says why")
	}
	return huma.NewError(status, err.Error())
}
