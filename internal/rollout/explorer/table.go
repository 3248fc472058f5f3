package explorer

import "encoding/binary"

// table holds normal forms without duplicates and numbers them in the order in which they came. It compares whole
// codes, so no two states are ever taken for one.
type table struct {
	codes []code
	slots []uint32
}

func newTable() *table { return &table{slots: make([]uint32, 1<<12)} }

func (c *code) hash() uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for i := 0; i < len(c); i += 8 {
		h ^= binary.LittleEndian.Uint64(c[i:])
		h *= 0xff51afd7ed558ccd
		h ^= h >> 32
	}
	return h
}

// add returns the number of a code and whether it is new.
func (t *table) add(c *code) (uint32, bool) {
	if len(t.codes)*2 >= len(t.slots) {
		t.grow()
	}
	slot := t.find(c)
	if at := t.slots[slot]; at != 0 {
		return at - 1, false
	}
	t.codes = append(t.codes, *c)
	t.slots[slot] = uint32(len(t.codes)) //nolint:gosec // G115: memory ends long before.
	return t.slots[slot] - 1, true
}

// look returns the number of a code that is there.
func (t *table) look(c *code) (uint32, bool) {
	at := t.slots[t.find(c)]
	return at - 1, at != 0
}

// find returns the slot of a code, or the free one where it belongs.
func (t *table) find(c *code) uint64 {
	mask := uint64(len(t.slots) - 1) //nolint:gosec // G115: never negative.
	slot := c.hash() & mask
	for t.slots[slot] != 0 && t.codes[t.slots[slot]-1] != *c {
		slot = (slot + 1) & mask
	}
	return slot
}

func (t *table) grow() {
	t.slots = make([]uint32, 2*len(t.slots))
	for i := range t.codes {
		t.slots[t.find(&t.codes[i])] = uint32(i + 1)
	}
}
