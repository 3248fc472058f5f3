//go:build race

package script

// raced says that the tests run under the race detector.
const raced = true
