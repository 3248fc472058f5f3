// Package rollout is the core of Serin: it decides what happens to a canary. Step takes what is wanted, what is
// remembered and what was seen, and returns what to remember and what to do. It reads no clock, does no I/O and
// knows no Kubernetes, so whole releases, with every failure in them, are tested in microseconds.
//
// In the order in which the files explain the product:
//
//   - What is wanted: spec.go and default.go are the manifest, plan.go is what a release consists of.
//   - What is known: observation.go is everything that one pass saw, state.go what cannot be seen again, codec.go and
//     repair.go how it is saved and read.
//   - What can be done: action.go.
//   - One pass: step.go, with the table of phases.
//   - A release, phase by phase: initializing.go, resting.go, waiting.go, progressing.go, promoting.go, finalising.go;
//     failed.go is the way back from each of them, restoring.go what comes before it once the primary was written, and
//     terminating.go the end of a canary.
//   - What the phases share: run.go begins and ends runs, checks.go judges, gates.go asks, traffic.go moves requests and
//     pods, waits.go and clocks.go bound every waiting, commands.go obeys people, events.go tells.
//   - What must never happen: invariant.go and invariant_run.go.
//
// The scripts in testdata/scenarios play whole releases. Those whose names begin with semantics_NN show the numbered
// points of the semantics.
package rollout
