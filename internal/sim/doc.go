// Package sim is a world in memory in which the real engine releases canaries: workloads, a data plane of several
// proxies, metrics of a traffic model, a store, hooks, receivers and people, all in virtual time and with every fault
// that one can name. A run of it is a function of its scenario and its list of faults, so whatever it finds can be
// played again.
//
//   - scenarios.go has the reference scenarios with the endings that are allowed, people.go what people do in them.
//   - world.go is the world, director.go lets time pass in it, process.go is an engine that can die.
//   - pods.go, plane.go, traffic.go, ports.go and storage.go are what the engine finds behind its ports.
//   - faults.go has the faults, their names and how they strike; edits.go those that change the manifest.
//   - laws.go asserts what must never be seen from outside, cases.go counts how often each law was put to the test.
//   - matrix.go plans the runs of one fault at every call, soak.go random ones; report.go counts what fired.
//
// The engine's goroutines make one instant of time a set of events without an order. A run is the same each time all
// the same, because no two things that could matter to each other happen at one instant: whatever takes part in a run
// has a latency of its own, and the Time that is handed in knows when nothing moves any more.
package sim
