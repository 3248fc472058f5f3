package proxy

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"
)

var errNoEndpoint = errors.New("no endpoint")

// statusClientGone is what nobody reads any more.
const statusClientGone = 499

// answerError answers for an endpoint that did not, and decides as what it counts.
func answerError(w http.ResponseWriter, r *http.Request, err error) {
	x := exchangeOf(r.Context())
	x.from = x.began
	var dial *dialError
	status, text := http.StatusServiceUnavailable, "the upstream closed the connection before it answered"
	switch {
	case baseOf(x.in.Context()).Err() != nil:
		// No version is to blame.
		x.status = 0
		x.answer(w, status, "the data plane ends")
		return
	case x.in.Context().Err() != nil:
		x.status = 0
		w.WriteHeader(statusClientGone)
		return
	case errors.Is(err, errNoEndpoint):
		text, x.untimed = "no healthy upstream", true
	case x.timedOut.Load(), errors.Is(err, errTryTimeout):
		status, text = http.StatusGatewayTimeout, "upstream request timeout"
	case x.attempts == 0, x.spool != nil && x.spool.broken.Load():
		// It is the client who sent what cannot be read.
		x.answer(w, http.StatusBadRequest, "the request cannot be read")
		return
	case errors.As(err, &dial):
		text, x.untimed = "upstream connect error: connection failure", true
	}
	if !x.upgraded {
		x.status = status
	}
	x.proxy.log.Debug("No answer", "service", x.service.spec.String(), "side", string(x.side()), "err", err)
	x.answer(w, status, text)
}

// The codes of gRPC that the proxy answers with, by HTTP's status.
func grpcCode(status int) int {
	switch status {
	case http.StatusBadRequest:
		return 13
	case http.StatusNotFound:
		return 12
	case http.StatusGatewayTimeout:
		return 4
	default:
		return 14
	}
}

// serverReads is how much of a body the server reads by itself, before it answers, to keep the connection.
const serverReads = 256 << 10

// answer answers in the name of the service.
func (x *exchange) answer(w http.ResponseWriter, status int, text string) {
	x.service.response.apply(w.Header())
	x.service.cors.decorate(w.Header(), x.in)
	if x.in.ContentLength < 0 || x.in.ContentLength > serverReads {
		x.overtakes(w.Header())
	}
	if x.grpc {
		answerGRPC(w, status, text)
		return
	}
	answerText(w, status, text)
}

// answerGRPC answers with trailers alone, where clients of gRPC look.
func answerGRPC(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "application/grpc")
	h.Set("Grpc-Status", strconv.Itoa(grpcCode(status)))
	h.Set("Grpc-Message", text)
	w.WriteHeader(http.StatusOK)
}

func answerText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)+1))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") //nolint:gosec // G705: it is plain text.
}

// answerUnknown answers a request that is for no service.
func answerUnknown(w http.ResponseWriter, r *http.Request, shared bool) {
	text := "this address belongs to no service any more"
	if shared {
		text = "no service has the host name " + strconv.Quote(r.Host)
	}
	if isGRPC(r.Header) {
		answerGRPC(w, http.StatusNotFound, strconv.QuoteToASCII(text))
		return
	}
	answerText(w, http.StatusNotFound, text)
}

const (
	// discardLimit and discardTime bound what is read of an answer that nobody wants, to keep its connection.
	discardLimit = 16 << 10
	discardTime  = 50 * time.Millisecond
)

// discard ends an answer that nobody wants.
func discard(body io.ReadCloser) {
	stop := time.AfterFunc(discardTime, func() { _ = body.Close() })
	_, _ = io.CopyN(io.Discard, body, discardLimit)
	stop.Stop()
	_ = body.Close()
}
