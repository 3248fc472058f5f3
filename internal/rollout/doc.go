// Package rollout is the core of Serin: it decides what happens to a canary. Step takes what is wanted, what is
// remembered and what was seen, and returns what to remember and what to do. It reads no clock, does no I/O and
// knows no Kubernetes, so whole releases, with every failure in them, are tested in microseconds.
//
// Read plan.go for what a release consists of, step.go for one pass, then one file per phase.
package rollout
