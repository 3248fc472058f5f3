package httpapi

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// guard puts the protection around everything that is served. A browser on this machine can reach the loopback
// interface for any web page, so the name that a request was made for and the page that made it are checked too.
func (s *Server) guard(loopback bool) http.Handler {
	crossOrigin := http.NewCrossOriginProtection()
	crossOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusForbidden, "this request was made by a web page of another origin")
	}))
	h := s.authenticated(bounded(s.mux))
	h = crossOrigin.Handler(h)
	if loopback {
		h = localNames(h)
	}
	return h
}

// bounded limits the size and the time of a request. Streams extend their time with each write.
func bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if streams(r) {
			next.ServeHTTP(w, r)
			return
		}
		// Writers that know no deadlines are those of tests.
		control := http.NewResponseController(w)
		_ = control.SetWriteDeadline(time.Now().Add(requestTime))
		_ = control.SetReadDeadline(time.Now().Add(requestTime))
		ctx, cancel := context.WithTimeout(r.Context(), requestTime)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func streams(r *http.Request) bool {
	return r.Method == http.MethodGet && (r.URL.Path == streamPath || strings.HasSuffix(r.URL.Path, "/logs"))
}

// authenticated asks for the token, if there is one. Whether the process lives is no secret.
func (s *Server) authenticated(next http.Handler) http.Handler {
	if s.options.Token == "" {
		return next
	}
	want := sha256.Sum256([]byte(s.options.Token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
			next.ServeHTTP(w, r)
			return
		}
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		// Hashes have one length, so the comparison tells nothing about the token's.
		got := sha256.Sum256([]byte(token))
		if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="serin"`)
			refuse(w, http.StatusUnauthorized, "a token is required: send it as Authorization: Bearer TOKEN")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// localNames refuses requests for names that are not this machine's: a name of a foreign page that resolves to
// 127.0.0.1 would make that page one of ours.
func localNames(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
		ip := net.ParseIP(host)
		if !strings.EqualFold(host, "localhost") && (ip == nil || !ip.IsLoopback()) {
			refuse(w, http.StatusMisdirectedRequest, "this API answers to localhost and 127.0.0.1 only")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// refuse answers in the form of every other error of the API.
func refuse(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	refusal := &huma.ErrorModel{Status: status, Title: http.StatusText(status), Detail: detail}
	_ = json.NewEncoder(w).Encode(refusal) //nolint:errchkjson // a client that went away is no failure of ours
}

// isLoopback says whether only this machine can connect to an address.
func isLoopback(a net.Addr) bool {
	if a.Network() == "unix" {
		return true
	}
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
