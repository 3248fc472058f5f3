package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"go.etcd.io/bbolt"
)

// The layout of a page of the database: a head, then the heads of its elements, then what they point to.
const (
	headSize    = 16
	elementSize = 16
	bucketSize  = 16

	branchPage = 0x01
	leafPage   = 0x02
	bucketLeaf = 0x01
)

// checkPages looks at the tree of pages before the database walks it. The database believes what a page says: one
// flipped bit can send it round in circles, or make it count pages until the memory is full.
func checkPages(tx *bbolt.Tx, path string) error {
	size := tx.DB().Info().PageSize
	pages := int(tx.Size()) / size
	for id := 0; id < pages; id++ {
		page, err := tx.Page(id)
		switch {
		case err != nil:
			return fmt.Errorf("read page %d: %w", id, err)
		case page == nil || page.Type == "free":
		case id+page.OverflowCount >= pages:
			return fmt.Errorf("page %d goes on beyond the end", id)
		default:
			id += page.OverflowCount
		}
	}
	data, err := os.ReadFile(path) //nolint:gosec // G304: it is the store's own file.
	if err != nil {
		return fmt.Errorf("read the file: %w", err)
	}
	t := tree{data: data, size: uint64(size), seen: map[uint64]bool{}} //nolint:gosec // G115: sizes are positive.
	return t.page(uint64(tx.Cursor().Bucket().Root()))
}

// tree is the file as pages that refer to each other.
type tree struct {
	data []byte
	size uint64
	seen map[uint64]bool
}

// page follows a page with all that it refers to. Each is in the tree once.
func (t *tree) page(id uint64) error {
	length := uint64(len(t.data))
	if id >= length/t.size {
		return fmt.Errorf("page %d is not there", id)
	}
	if t.seen[id] {
		return fmt.Errorf("page %d is in the tree twice", id)
	}
	t.seen[id] = true
	begin := id * t.size
	overflow := uint64(binary.NativeEndian.Uint32(t.data[begin+12:]))
	end := begin + (overflow+1)*t.size
	if end > length {
		return fmt.Errorf("page %d goes on beyond the end", id)
	}
	if err := t.elements(t.data[begin:end], true); err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	return nil
}

// elements follows what a page holds. One that lies inside its parent has no branches.
func (t *tree) elements(page []byte, branches bool) error {
	kind, count := binary.NativeEndian.Uint16(page[8:]), int(binary.NativeEndian.Uint16(page[10:]))
	follow := t.leaf
	switch {
	case headSize+count*elementSize > len(page):
		return errors.New("it has more elements than fit into it")
	case kind == leafPage:
	case kind != branchPage || !branches:
		return fmt.Errorf("its kind is %#x", kind)
	case count == 0:
		return errors.New("it is a branch without leaves")
	default:
		follow = t.branch
	}
	for i := range count {
		if err := follow(page[headSize+i*elementSize:]); err != nil {
			return err
		}
	}
	return nil
}

// branch follows an element of a branch: position and size of its key, and a page.
func (t *tree) branch(rest []byte) error {
	position, size := uint64(binary.NativeEndian.Uint32(rest)), uint64(binary.NativeEndian.Uint32(rest[4:]))
	if position+size > uint64(len(rest)) {
		return errors.New("a key goes on beyond its end")
	}
	return t.page(binary.NativeEndian.Uint64(rest[8:]))
}

// leaf looks at an element of a leaf: flags, position, and the sizes of key and value. A value may be a bucket.
func (t *tree) leaf(rest []byte) error {
	flags, position := binary.NativeEndian.Uint32(rest), uint64(binary.NativeEndian.Uint32(rest[4:]))
	keySize, valueSize := uint64(binary.NativeEndian.Uint32(rest[8:])), uint64(binary.NativeEndian.Uint32(rest[12:]))
	if position+keySize+valueSize > uint64(len(rest)) {
		return errors.New("a value goes on beyond its end")
	}
	if flags&bucketLeaf == 0 {
		return nil
	}
	value := rest[position+keySize : position+keySize+valueSize]
	switch {
	case len(value) < bucketSize:
		return errors.New("a bucket has no head")
	case binary.NativeEndian.Uint64(value) != 0:
		return t.page(binary.NativeEndian.Uint64(value))
	case len(value) < bucketSize+headSize:
		return errors.New("a bucket has no page")
	default:
		return t.elements(value[bucketSize:], false)
	}
}
