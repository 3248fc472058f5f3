package proxy

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// spool keeps the beginning of a request's body while it is sent, so that another attempt can send it again. Nothing
// is read ahead: the pace is that of the endpoint.
type spool struct {
	src   io.Reader
	limit int
	pool  *buffers
	// whole is called once with all of the body if it fits. It must not keep the slice.
	whole func([]byte)

	// mu is held while the client's body is read, which may take as long as the client likes.
	mu  sync.Mutex
	buf []byte
	end error

	// The rest is read while somebody reads.
	current  atomic.Pointer[spoolReader]
	touched  atomic.Bool
	over     atomic.Bool
	broken   atomic.Bool
	released atomic.Bool
	finished atomic.Int64
}

var errSpooled = errors.New("the body of the request cannot be sent again")

// spoolReader is the body of one attempt.
type spoolReader struct {
	spool  *spool
	at     int
	closed atomic.Bool
}

// reader returns the body for another attempt; earlier readers end.
func (s *spool) reader() *spoolReader {
	r := &spoolReader{spool: s}
	if before := s.current.Swap(r); before != nil {
		before.closed.Store(true)
	}
	return r
}

// replayable says whether another attempt can send the body.
func (s *spool) replayable() bool { return s == nil || !s.over.Load() && !s.broken.Load() }

// untouched says that nothing of the body was read.
func (s *spool) untouched() bool { return s == nil || !s.touched.Load() }

// Read implements io.Reader.
func (r *spoolReader) Read(b []byte) (int, error) {
	s := r.spool
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.closed.Load(), s.released.Load():
		return 0, errSpooled
	case r.at < len(s.buf):
		n := copy(b, s.buf[r.at:])
		r.at += n
		return n, nil
	case s.end != nil:
		return 0, s.end
	}
	s.touched.Store(true)
	n, err := s.src.Read(b)
	r.at += n
	s.keepLocked(r, b[:n])
	if err != nil {
		s.endLocked(err)
	}
	return n, err
}

// keepLocked adds what was read. An attempt that was given up in the middle of a read leaves it to the next one,
// however long it is.
func (s *spool) keepLocked(r *spoolReader, b []byte) {
	if s.over.Load() {
		return
	}
	if len(s.buf)+len(b) > s.limit && s.current.Load() == r {
		s.over.Store(true)
		s.releaseLocked()
		return
	}
	if s.buf == nil && len(b) > 0 {
		s.buf = s.pool.Get()[:0]
	}
	s.buf = append(s.buf, b...)
}

func (s *spool) endLocked(err error) {
	s.end = err
	if !errors.Is(err, io.EOF) {
		s.broken.Store(true)
		return
	}
	s.finished.Store(time.Now().UnixNano())
	if s.whole != nil && !s.over.Load() {
		s.whole(s.buf)
	}
}

// Close implements io.Closer.
func (r *spoolReader) Close() error {
	r.closed.Store(true)
	return nil
}

// release gives the memory back. A reader that a transport has left behind in the client's body keeps it.
func (s *spool) release() {
	if s == nil {
		return
	}
	s.released.Store(true)
	if !s.mu.TryLock() {
		return
	}
	defer s.mu.Unlock()
	s.releaseLocked()
}

func (s *spool) releaseLocked() {
	if s.buf != nil {
		s.pool.Put(s.buf[:cap(s.buf)])
		s.buf = nil
	}
}
