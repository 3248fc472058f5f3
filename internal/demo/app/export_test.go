package app

import (
	"net/http"
	"time"
)

// Hold makes every request wait for wait before it is answered.
func (a *App) Hold(wait func()) {
	mux := http.NewServeMux()
	next := a.mux
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		wait()
		next.ServeHTTP(w, r)
	})
	a.mux = mux
}

// Draws returns n latencies as requests would get them.
func Draws(s Settings, n int) []time.Duration {
	d := newDice(s)
	draws := make([]time.Duration, n)
	for i := range draws {
		_, draws[i] = d.roll()
	}
	return draws
}
