package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"

	"go.etcd.io/bbolt"

	"github.com/serin-dev/serin/internal/engine"
)

// sumSize is the length of the checksum before each value. The database guards its structure, not our bytes.
const sumSize = 4

func checksum(data []byte) uint32 { return crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)) }

// seal puts a checksum before data.
func seal(data []byte) []byte {
	sealed := make([]byte, sumSize, sumSize+len(data))
	binary.BigEndian.PutUint32(sealed, checksum(data))
	return append(sealed, data...)
}

// unseal returns the bytes behind the checksum. They belong to the transaction.
func unseal(sealed []byte) ([]byte, error) {
	if len(sealed) < sumSize {
		return nil, errors.New("the value is too short")
	}
	data := sealed[sumSize:]
	if binary.BigEndian.Uint32(sealed) != checksum(data) {
		return nil, errors.New("the checksum is wrong")
	}
	return data, nil
}

func putJSON(b *bbolt.Bucket, key []byte, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode record %q: %w", key, err)
	}
	return b.Put(key, seal(data))
}

// getJSON reports whether there is such a record.
func getJSON(b *bbolt.Bucket, key []byte, v any) (bool, error) {
	sealed := b.Get(key)
	if sealed == nil {
		return false, nil
	}
	return true, decode(sealed, v)
}

func decode(sealed []byte, v any) error {
	data, err := unseal(sealed)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("decode record: %w", err)
	}
	return nil
}

// number makes a key that sorts like the number.
func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// canary returns the bucket of a canary, or nil if the store knows nothing of it.
func canary(tx *bbolt.Tx, key engine.Key) *bbolt.Bucket {
	return tx.Bucket([]byte(canariesBucket)).Bucket([]byte(key.String()))
}

// sub returns a bucket inside the canary's, or nil.
func sub(tx *bbolt.Tx, key engine.Key, name string) *bbolt.Bucket {
	if b := canary(tx, key); b != nil {
		return b.Bucket([]byte(name))
	}
	return nil
}

// makeSub returns a bucket inside the canary's and creates both where they are missing.
func makeSub(tx *bbolt.Tx, key engine.Key, name string) (*bbolt.Bucket, error) {
	b, err := tx.Bucket([]byte(canariesBucket)).CreateBucketIfNotExists([]byte(key.String()))
	if err != nil {
		return nil, fmt.Errorf("create bucket of %s: %w", key, err)
	}
	child, err := b.CreateBucketIfNotExists([]byte(name))
	if err != nil {
		return nil, fmt.Errorf("create bucket %s of %s: %w", name, key, err)
	}
	return child, nil
}

// appendJSON adds a record at the end of a bucket.
func appendJSON(b *bbolt.Bucket, v any) error {
	n, err := b.NextSequence()
	if err != nil {
		return fmt.Errorf("number record: %w", err)
	}
	return putJSON(b, number(n), v)
}
