//go:build race

package house

// raced says that the tests run under the race detector, and so shall the binary.
const raced = true
