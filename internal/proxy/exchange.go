package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/serin-dev/serin/internal/rollout"
)

// exchange is one request of a client with all that is known of it.
type exchange struct {
	proxy *Proxy
	// listener is the address at which the request arrived.
	listener string
	in       *http.Request
	client   http.ResponseWriter
	service  *service
	choice   choice
	cluster  *cluster
	// endpoint is the one that the exchange is counted at.
	endpoint *endpoint
	tried    []*endpoint
	attempts int
	spool    *spool
	overtook bool
	grpc     bool
	// upgrade says that another protocol was asked for, upgraded that it is spoken.
	upgrade, upgraded bool

	began time.Time
	timer *time.Timer
	// endTry ends the context of the attempt that was answered.
	endTry   context.CancelFunc
	timedOut atomic.Bool

	// status is what is counted; 0 means nothing.
	status int
	// untimed says that the time to answer means nothing.
	untimed bool
	from    time.Time
	// body is the answer's; broke is why it ended before its end.
	body  answerBody
	broke error
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// serve carries one request that arrived at a listener.
func (p *Proxy) serve(w http.ResponseWriter, r *http.Request, listener string) {
	p.begun()
	defer p.ended()
	now := p.current.Load()
	s, side := now.find(listener, r.Host)
	switch {
	case s == nil:
		answerUnknown(w, r, listener == p.store.Table().Shared())
		return
	case r.Method == http.MethodConnect:
		answerText(w, http.StatusMethodNotAllowed, "CONNECT is not possible: this is no forward proxy")
		return
	case side == "" && s.cors.answer(w, r):
		return
	}
	refuseH2CUpgrade(r.Header)
	x := &exchange{
		proxy: p, listener: listener, in: r, client: w, service: s, began: time.Now(),
		grpc: isGRPC(r.Header), upgrade: isUpgrade(r.Header),
	}
	x.place(now, side)
	x.cluster.active.Add(1)
	defer x.finish()
	ctx := context.WithValue(r.Context(), exchangeKey{}, x)
	if s := x.service; s.timeout > 0 {
		// Without a bound of its own the exchange ends with the client's request, whose context the server ends.
		bounded, cancel := context.WithCancel(ctx)
		defer cancel()
		x.timer = time.AfterFunc(s.timeout, func() {
			x.timedOut.Store(true)
			cancel()
		})
		defer x.timer.Stop()
		ctx = bounded
	}
	p.reverse.ServeHTTP(w, r.WithContext(ctx))
}

// place decides where the request goes first, and counts it there. The endpoint is nil if the side has none. What was
// found in a snapshot holds for that one alone.
func (x *exchange) place(in *snapshot, side rollout.SideName) {
	p := x.proxy
	x.endpoint = p.hold(func(now *snapshot) *endpoint {
		if now != in {
			found, other := now.find(x.listener, x.in.Host)
			if found == nil {
				return nil
			}
			in, x.service, side = now, found, other
		}
		if x.choice = (choice{side: side}); side == "" {
			x.choice = x.service.choose(x.in, p.o.Random)
		}
		return x.service.side(x.choice.side).pick(p.o.Random, nil)
	})
	x.cluster = x.service.side(x.side()).cluster
}

// placeAgain moves the exchange to an endpoint of the same side for another attempt, if it can one that was not tried
// yet, and says whether there is any.
func (x *exchange) placeAgain() bool {
	p := x.proxy
	next := p.hold(func(s *snapshot) *endpoint {
		found, _ := s.find(x.listener, x.in.Host)
		if found == nil {
			return nil
		}
		side := found.side(x.side())
		if e := side.pick(p.o.Random, x.tried); e != nil || !x.service.retries.same {
			return e
		}
		return side.pick(p.o.Random, nil)
	})
	if next == nil {
		return false
	}
	p.release(x.endpoint)
	x.endpoint = next
	return true
}

func (x *exchange) side() rollout.SideName {
	if x.choice.side == "" {
		return rollout.PrimarySide
	}
	return x.choice.side
}

// answered notes that an endpoint has answered. An upgraded connection is counted at once and may last as long as it
// likes.
func (x *exchange) answered(res *http.Response) {
	x.status, x.from = res.StatusCode, x.began
	if x.spool != nil {
		// The time that the client takes to send is not the version's.
		if finished := x.spool.finished.Load(); finished != 0 {
			x.from = time.Unix(0, finished)
		}
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		x.body = answerBody{ReadCloser: res.Body, x: x}
		res.Body = &x.body
		return
	}
	if x.timer != nil {
		x.timer.Stop()
	}
	x.cluster.count(x.status)
	x.cluster.time(time.Since(x.from))
	x.status, x.upgraded = 0, true
}

// answerBody notes when an endpoint breaks off.
type answerBody struct {
	io.ReadCloser

	x *exchange
}

// Read implements io.Reader.
func (b *answerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.x.broke = err
	}
	return n, err
}

// finish counts the exchange as what the client saw. It is the end of every exchange, also of one that was cut.
func (x *exchange) finish() {
	if x.endTry != nil {
		x.endTry()
	}
	if x.endpoint != nil {
		x.proxy.release(x.endpoint)
	}
	if x.overtook && x.unread() {
		// The server reads on to end the connection well, for this long at most.
		_ = http.NewResponseController(x.client).SetReadDeadline(time.Now().Add(lingerTime))
	}
	x.spool.release()
	x.cluster.active.Add(-1)
	if x.status == 0 {
		return
	}
	switch {
	case x.broke == nil:
	case x.timedOut.Load():
		x.status = http.StatusGatewayTimeout
	case x.in.Context().Err() != nil:
		// The client has left in the middle. What the version had answered counts, but not how long it took.
		x.untimed = true
	default:
		x.status = http.StatusServiceUnavailable
	}
	x.cluster.count(x.status)
	if !x.untimed {
		x.cluster.time(time.Since(x.from))
	}
}

// lingerTime is how long a client may go on sending a body after its answer has ended.
const lingerTime = 5 * time.Second

// overtakes lets an answer begin while the body of its HTTP/1.1 request still comes. By default the server would throw
// the rest of the body away at this point, which the endpoint may want. Whether the body is ever read to its end is
// open, so the connection is not used again.
func (x *exchange) overtakes(h http.Header) {
	if x.in.ProtoMajor != 1 || !x.unread() {
		return
	}
	x.overtook = true
	_ = http.NewResponseController(x.client).EnableFullDuplex()
	h.Set("Connection", "close")
}

// unread says that the client's body was not read to its end.
func (x *exchange) unread() bool {
	return x.in.ContentLength != 0 && (x.spool == nil || x.spool.finished.Load() == 0)
}

// modifyResponse changes the headers of an answer on their way to the client.
func modifyResponse(res *http.Response) error {
	x := exchangeOf(res.Request.Context())
	x.service.response.apply(res.Header)
	x.service.cors.decorate(res.Header, x.in)
	x.overtakes(res.Header)
	if x.choice.cookie != "" {
		res.Header.Add("Set-Cookie", x.choice.cookie)
	}
	return nil
}
