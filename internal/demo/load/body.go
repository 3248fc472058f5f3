package load

import "io"

// releasing lets go of a request's context once its answer has been read.
type releasing struct {
	io.ReadCloser

	release func()
}

// Close implements io.Closer.
func (b *releasing) Close() error {
	err := b.ReadCloser.Close()
	b.release()
	return err
}
