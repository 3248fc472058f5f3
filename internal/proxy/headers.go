package proxy

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"

	"github.com/serin-dev/serin/internal/xds/table"
)

// headerChange changes headers on their way.
type headerChange struct {
	remove   []string
	set, add []header
}

// header is one header with its value, in the form that messages hold it in. Messages share the list: nothing is ever
// put into it, and what is added goes into a new one.
type header struct {
	name   string
	values []string
}

func newHeader(name, value string) header { return header{name, []string{value}} }

func compileHeaderChange(h table.HeaderChange) headerChange {
	c := headerChange{set: headersOf(h.Set), add: headersOf(h.Add)}
	for _, name := range h.Remove {
		c.remove = append(c.remove, http.CanonicalHeaderKey(name))
	}
	return c
}

func headersOf(values map[string]string) []header {
	list := make([]header, 0, len(values))
	for name, value := range values {
		list = append(list, newHeader(http.CanonicalHeaderKey(name), value))
	}
	return list
}

func (c *headerChange) apply(h http.Header) {
	for _, name := range c.remove {
		delete(h, name)
	}
	for _, s := range c.set {
		h[s.name] = s.values
	}
	for _, a := range c.add {
		h[a.name] = append(slices.Clip(h[a.name]), a.values...)
	}
}

// rewrite makes the request that endpoints see of the client's. Where it goes is decided in each attempt.
func rewrite(r *httputil.ProxyRequest) {
	in, out := r.In, r.Out
	x := exchangeOf(in.Context())
	out.URL.Scheme = "http"
	// The endpoint gets the query as the client wrote it, and trailers when they come.
	out.URL.RawQuery = in.URL.RawQuery
	out.Trailer = in.Trailer
	addHeaders(in, out)
	s := x.service
	if s.spec.Rewrite.Path != "" {
		rewritePath(out.URL, s.spec.Rewrite)
	}
	if s.spec.Rewrite.Authority != "" {
		out.Host = s.spec.Rewrite.Authority
	}
	s.request.apply(out.Header)
}

// addHeaders names the request, and tells who the client is. What a proxy before this one said about scheme and host
// stays: it knows whether TLS was spoken.
func addHeaders(in, out *http.Request) {
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded"} {
		if values := in.Header[name]; values != nil {
			out.Header[name] = values
		}
	}
	client := in.RemoteAddr
	if i := strings.LastIndexByte(client, ':'); i >= 0 {
		client = strings.Trim(client[:i], "[]")
	}
	if prior := in.Header["X-Forwarded-For"]; len(prior) > 0 {
		client = strings.Join(prior, ", ") + ", " + client
	}
	// One piece of memory for all.
	values := [4]string{client, in.Host, "http"}
	out.Header["X-Forwarded-For"] = values[:1:1]
	if out.Header["X-Forwarded-Host"] == nil {
		out.Header["X-Forwarded-Host"] = values[1:2:2]
	}
	if out.Header["X-Forwarded-Proto"] == nil {
		out.Header["X-Forwarded-Proto"] = values[2:3:3]
	}
	if out.Header["X-Request-Id"] == nil {
		values[3] = requestID()
		out.Header["X-Request-Id"] = values[3:4:4]
	}
}

// requestID returns a random UUID.
func requestID() string {
	var id [16]byte
	a, b := rand.Uint64(), rand.Uint64() //nolint:gosec // G404: a name for logs, no secret.
	binary.LittleEndian.PutUint64(id[:8], a)
	binary.LittleEndian.PutUint64(id[8:], b)
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[0:8], id[0:4])
	hex.Encode(text[9:13], id[4:6])
	hex.Encode(text[14:18], id[6:8])
	hex.Encode(text[19:23], id[8:10])
	hex.Encode(text[24:36], id[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

// rewritePath replaces the path, or with Prefix puts the new one in place of the leading slash.
func rewritePath(u *url.URL, r table.Rewrite) {
	path := r.Path
	if r.Prefix {
		rest := strings.TrimPrefix(u.EscapedPath(), "/")
		if rest != "" && !strings.HasSuffix(path, "/") {
			path += "/"
		}
		path += rest
	}
	plain, err := url.PathUnescape(path)
	if err != nil {
		plain = path
	}
	u.Path, u.RawPath = plain, path
}

// isGRPC says whether a request is gRPC, whose errors clients read in its own way. gRPC-Web is ordinary HTTP.
func isGRPC(h http.Header) bool {
	rest, found := strings.CutPrefix(h.Get("Content-Type"), "application/grpc")
	return found && (rest == "" || rest[0] == '+' || rest[0] == ';')
}

// isUpgrade says whether a request asks for another protocol on its connection.
func isUpgrade(h http.Header) bool {
	return h["Upgrade"] != nil && hasToken(h["Connection"], "upgrade")
}

// refuseH2CUpgrade lets a request that offers to go on in HTTP/2 stay HTTP/1.1, as a server may. Passed on, the offer
// would open a tunnel past all that the proxy does.
func refuseH2CUpgrade(h http.Header) {
	if h["Upgrade"] != nil && hasToken(h["Upgrade"], "h2c") {
		h.Del("Upgrade")
		h.Del("HTTP2-Settings")
	}
}

func hasToken(values []string, token string) bool {
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}
