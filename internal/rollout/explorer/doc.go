// Package explorer walks every state that a small canary can reach, under every interleaving of what the world, people
// and crashes can do, and holds each transition against the laws. What it finds comes with the shortest path to it,
// printed as a scenario. It is a proof for small plans, not a sample: where a plan was not walked to its end, the
// report says so.
//
// # The normal form
//
// A canary's life has no end, so states are compared in a normal form that is finite. Two states with one normal form
// behave alike from then on (TestNormalForm walks at random and checks that):
//
//   - Times are offsets from now in units of a minute, and every duration of a plan is a whole number of units. An
//     offset beyond the deadline that it is compared with is that deadline. The clock moves one unit at a time, and as
//     many passes as one likes fit between two of its moves.
//   - While somebody holds a canary its clocks stand still, so they are shifted right away and the hold begins now.
//   - There are three revisions: the first one and two further ones. The core compares names and nothing else, so they
//     are renamed in the order in which the state mentions them.
//   - Runs have no numbers. Sessions of the current run, sessions of its steps and sessions of an earlier run differ.
//   - Counters stop where the core stops comparing them: passed checks at what the step asks for, failed ones at the
//     threshold, the most ready pods at the size. Rounds of questions are dropped: an answer arrives in the very pass
//     that uses it, or never.
//   - What people read (messages, reasons, results, the wait, the outbox) and what the engine keeps for itself (ids of
//     events and of commands) is dropped. A command is one pass long.
//   - A run that has its verdict forgets what led to it; a run that is over is its revision and its outcome.
//
// Failed reads, a refused configuration, the brake and answers to questions are facts of one pass: any pass may see
// them, whatever the one before saw. A crash after the k-th effect is a pass of which only the first k effects
// happened; a lost save is a pass without a trace, which is no transition at all.
//
// Read plans.go for what is walked, world.go for what the world can do, laws.go for what is asserted beyond
// rollout.Verify, normal.go for the normal form and search.go for the walk.
package explorer
