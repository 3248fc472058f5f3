package app

import (
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// z99 is the 99th percentile of the standard normal distribution.
const z99 = 2.3263478740408408

// longest bounds a draw, so that a heavy tail never holds a request for minutes.
const longest = 5 * time.Second

// dice decides which requests fail and how long each takes.
type dice struct {
	errorRate float64
	mu, sigma float64

	lock sync.Mutex
	rng  *rand.Rand
}

func newDice(s Settings) *dice {
	d := &dice{
		errorRate: s.ErrorRate,
		//nolint:gosec // G404: a simulation that has to be repeatable, not a secret.
		rng: rand.New(rand.NewPCG(s.Seed, 0)),
	}
	if s.Median > 0 {
		d.mu = math.Log(s.Median.Seconds())
	} else {
		d.mu = math.Inf(-1)
	}
	if s.Median > 0 && s.P99 > s.Median {
		d.sigma = (math.Log(s.P99.Seconds()) - d.mu) / z99
	}
	return d
}

// roll draws the fate of one request.
func (d *dice) roll() (fails bool, takes time.Duration) {
	d.lock.Lock()
	u, z := d.rng.Float64(), d.rng.NormFloat64()
	d.lock.Unlock()
	seconds := math.Exp(d.mu + d.sigma*z)
	return u < d.errorRate, min(time.Duration(seconds*float64(time.Second)), longest)
}
