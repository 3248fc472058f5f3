package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/feed"
	"github.com/serin-dev/serin/internal/httpapi"
)

// maxEvent bounds one event of a stream.
const maxEvent = 4 << 20

// ErrSilent ends a stream on which not even heartbeats arrive.
var ErrSilent = errors.New("the stream has gone silent")

// Stream calls fn with every change after the one with the ID after (0: from now on), until the context ends, the
// stream breaks or fn returns an error, and returns why. Before the first change it calls fn once with the zero
// Change: from then on nothing is missed, so that is when to read what there is.
func (c *Client) Stream(ctx context.Context, after uint64, fn func(feed.Change) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	path := "/api/v1/stream"
	if after > 0 {
		path += "?after=" + strconv.FormatUint(after, 10)
	}
	res, err := c.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if err := fn(feed.Change{}); err != nil {
		return err
	}
	// The connection of a machine that has vanished says nothing at all; heartbeats tell it from a quiet one.
	alarm := time.AfterFunc(c.options.Silence, func() { cancel(ErrSilent) })
	defer alarm.Stop()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxEvent)
	for lines.Scan() {
		alarm.Reset(c.options.Silence)
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
		if !ok {
			continue
		}
		var change feed.Change
		if err := json.Unmarshal(data, &change); err != nil {
			return fault.Errorf(fault.Unavailable, "the stream of %s makes no sense: %w", c.base.Host, err)
		}
		if err := fn(change); err != nil {
			return err
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		return fault.Errorf(fault.Unavailable, "read changes: %w", cause)
	}
	return fault.Errorf(fault.Unavailable, "%w at %s any more: the stream ended", ErrUnreachable, c.base)
}

// Logs returns what the pods of one side of a canary have written. The caller closes it.
func (c *Client) Logs(ctx context.Context, q httpapi.LogQuery) (io.ReadCloser, error) {
	values := url.Values{}
	values.Set("side", string(q.Side))
	values.Set("tail", strconv.Itoa(q.Tail))
	values.Set("follow", strconv.FormatBool(q.Follow))
	if q.Pod != "" {
		values.Set("pod", q.Pod)
	}
	res, err := c.send(ctx, http.MethodGet, path(q.Key, "logs")+"?"+values.Encode(), nil)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}
