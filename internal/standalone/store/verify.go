package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"go.etcd.io/bbolt"

	"github.com/serin-dev/serin/internal/fault"
)

// formatVersion is the layout of the file that this code writes.
const formatVersion = "1"

// The top-level buckets and the keys and buckets inside one canary's. bbolt wants bytes; strings keep them constant.
const (
	metaBucket     = "meta"
	formatKey      = "format"
	canariesBucket = "canaries"
	settingsBucket = "settings"

	stateKey       = "state"
	manifestKey    = "manifest"
	commandsBucket = "commands"
	runsBucket     = "runs"
	seenBucket     = "seen"
	headerKey      = "header"
	eventsBucket   = "events"
)

// format lays out an empty file.
func format(tx *bbolt.Tx) error {
	for _, name := range []string{canariesBucket, settingsBucket} {
		if _, err := tx.CreateBucket([]byte(name)); err != nil {
			return fmt.Errorf("create bucket %s: %w", name, err)
		}
	}
	meta, err := tx.CreateBucket([]byte(metaBucket))
	if err != nil {
		return fmt.Errorf("create bucket %s: %w", metaBucket, err)
	}
	return meta.Put([]byte(formatKey), []byte(formatVersion))
}

// verify reads the whole file once. The file is small (everything in it is bounded), and whatever is wrong with it
// is to be known before the first canary acts.
func verify(db *bbolt.DB, path string) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = damaged(path, fmt.Errorf("%v", r))
		}
	}()
	err = db.View(func(tx *bbolt.Tx) error {
		if err := checkSize(tx, path); err != nil {
			return err
		}
		// Before anything is looked up: a small bucket that lies about itself makes the database read beyond its bytes.
		if err := checkPages(tx, path); err != nil {
			return err
		}
		if err := checkFormat(tx, path); err != nil {
			return err
		}
		// The walk comes first: it meets a bad page in this goroutine, where that is an error. Check has one of its own.
		if err := tx.ForEach(func(name []byte, b *bbolt.Bucket) error { return walk(string(name), b) }); err != nil {
			return err
		}
		return firstProblem(tx.Check())
	})
	var classified *fault.Error
	if err == nil || errors.As(err, &classified) {
		return err
	}
	return damaged(path, err)
}

// firstProblem drains the channel, as its sender needs, and returns the first error.
func firstProblem(problems <-chan error) error {
	var first error
	for problem := range problems {
		if first == nil {
			first = problem
		}
	}
	return first
}

func checkFormat(tx *bbolt.Tx, path string) error {
	meta := tx.Bucket([]byte(metaBucket))
	if meta == nil || tx.Bucket([]byte(canariesBucket)) == nil || tx.Bucket([]byte(settingsBucket)) == nil {
		return errors.New("it is not a store of serin")
	}
	if got := meta.Get([]byte(formatKey)); !bytes.Equal(got, []byte(formatVersion)) {
		return fault.Errorf(fault.Invalid, "the store %s has the format %q and this serin knows %s only: start the serin "+
			"that wrote it, or a newer one; nothing was touched", path, got, formatVersion)
	}
	return nil
}

// checkSize refuses a file that ends before its last page.
func checkSize(tx *bbolt.Tx, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("look at the file: %w", err)
	}
	if info.Size() < tx.Size() {
		return fmt.Errorf("it has %d bytes of %d", info.Size(), tx.Size())
	}
	return nil
}

// walk opens every sealed value below a bucket.
func walk(name string, b *bbolt.Bucket) error {
	return b.ForEach(func(k, v []byte) error {
		child := name + "/" + string(k)
		if v == nil {
			return walk(child, b.Bucket(k))
		}
		if name == metaBucket {
			return nil
		}
		if _, err := unseal(v); err != nil {
			return fmt.Errorf("record %q: %w", child, err)
		}
		return nil
	})
}
