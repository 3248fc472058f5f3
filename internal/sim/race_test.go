//go:build race

package sim_test

// race says that the race detector makes everything slower.
const race = true
