package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/serin-dev/serin/internal/rollout"
	"github.com/serin-dev/serin/internal/xds/table"
)

const (
	unaryMethod  = "/test.Echo/Unary"
	streamMethod = "/test.Echo/Stream"
)

// echoGRPC is a server without generated code: it answers each message with name and message, and the number of
// messages as a trailer.
func echoGRPC(t *testing.T, name string) table.Endpoint {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		n := 0
		defer func() { stream.SetTrailer(metadata.Pairs("x-count", fmt.Sprint(n))) }()
		for {
			var m wrapperspb.StringValue
			if err := stream.RecvMsg(&m); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			n++
			switch m.GetValue() {
			case "fail":
				return status.Error(codes.FailedPrecondition, "as asked: 100 %")
			case "hang":
				<-stream.Context().Done()
				return nil
			}
			if err := stream.SendMsg(wrapperspb.String(name + " " + m.GetValue())); err != nil {
				return err
			}
		}
	}))
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return table.Endpoint{Address: l.Addr().String()}
}

func dialGRPC(t *testing.T, r *rig) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+r.shared, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority("app.test"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestGRPC(t *testing.T) {
	t.Parallel()
	for _, protocol := range []table.Protocol{table.HTTP1, table.H2C} {
		t.Run("protocol "+string(protocol), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, Options{})
			s := appService([]table.Endpoint{echoGRPC(t, "primary")}, []table.Endpoint{echoGRPC(t, "canary")}, weights(50_000))
			s.Protocol = protocol
			r.put(t, s)
			conn := dialGRPC(t, r)
			seen := map[string]int{}
			for range 100 {
				var out wrapperspb.StringValue
				var trailer metadata.MD
				if err := conn.Invoke(t.Context(), unaryMethod, wrapperspb.String("hello"), &out, grpc.Trailer(&trailer)); err != nil {
					t.Fatal(err)
				}
				if fmt.Sprint(trailer.Get("x-count")) != "[1]" {
					t.Fatalf("the trailer is %v", trailer)
				}
				seen[out.GetValue()]++
			}
			if seen["primary hello"] < 20 || seen["canary hello"] < 20 || len(seen) != 2 {
				t.Errorf("one connection was answered by %v", seen)
			}
			err := conn.Invoke(t.Context(), unaryMethod, wrapperspb.String("fail"), new(wrapperspb.StringValue))
			if status.Code(err) != codes.FailedPrecondition || status.Convert(err).Message() != "as asked: 100 %" {
				t.Errorf("the error came as %v", err)
			}
			pingPong(t, conn)
		})
	}
}

// pingPong sends each message of a stream only after the answer to the one before.
func pingPong(t *testing.T, conn *grpc.ClientConn) {
	t.Helper()
	stream, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, streamMethod)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if err := stream.SendMsg(wrapperspb.String(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
		var out wrapperspb.StringValue
		if err := stream.RecvMsg(&out); err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprint(" ", i); out.GetValue() != "primary"+want && out.GetValue() != "canary"+want {
			t.Errorf("answer %d is %q", i, out.GetValue())
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if err := stream.RecvMsg(new(wrapperspb.StringValue)); !errors.Is(err, io.EOF) {
		t.Errorf("the end is %v", err)
	}
	if got := fmt.Sprint(stream.Trailer().Get("x-count")); got != "[10]" {
		t.Errorf("the trailer is %v", stream.Trailer())
	}
}

func TestGRPCErrorsOfTheProxy(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	conn := dialGRPC(t, r)
	call := func(message string) error {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		return conn.Invoke(ctx, unaryMethod, wrapperspb.String(message), new(wrapperspb.StringValue))
	}
	if err := call("x"); status.Code(err) != codes.Unimplemented {
		t.Errorf("an unknown service: %v", err)
	}
	s := appService(nil, nil, weights(0))
	r.put(t, s)
	if err := call("x"); status.Code(err) != codes.Unavailable || status.Convert(err).Message() != "no healthy upstream" {
		t.Errorf("without endpoints: %v", err)
	}
	r.counts(t, rollout.PrimarySide, "503", 1)
	s.Primary, s.Timeout = []table.Endpoint{echoGRPC(t, "x")}, 50*time.Millisecond
	r.put(t, s)
	if err := call("hang"); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("too slow: %v", err)
	}
	r.counts(t, rollout.PrimarySide, "504", 1)
	s.Primary, s.Timeout = []table.Endpoint{nobody(t)}, 0
	r.put(t, s)
	if err := call("x"); status.Code(err) != codes.Unavailable {
		t.Errorf("nobody there: %v", err)
	}
	// Errors in gRPC's way are for clients of gRPC alone.
	if got := r.get(t, "/", "Content-Type", "application/grpc-web"); got.status != http.StatusServiceUnavailable {
		t.Errorf("gRPC-Web got %d", got.status)
	}
}

func TestGRPCConnectFailure(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	s := appService([]table.Endpoint{echoGRPC(t, "stays"), nobody(t)}, nil, weights(0))
	s.Protocol = table.H2C
	r.put(t, s)
	conn := dialGRPC(t, r)
	for range 50 {
		if err := conn.Invoke(t.Context(), unaryMethod, wrapperspb.String("x"), new(wrapperspb.StringValue)); err != nil {
			t.Fatal(err)
		}
	}
}
