package httpapitest

import (
	"time"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/rollout"
)

// Noon is the time around which the samples happen.
func Noon() time.Time { return time.Date(2030, time.June, 1, 12, 0, 0, 0, time.UTC) }

// wanted is the revision under test of every sample.
const wanted = "bbbbbbbbbb"

// Progressing is a canary in the middle of a run: the second of three steps, one failed check, 20 % of the requests.
func Progressing(key engine.Key) httpapi.Snapshot {
	noon, least := Noon(), 99.0
	const share = 20 * rollout.Percent
	split := rollout.Split{Primary: rollout.Whole - share, Canary: share}
	return httpapi.Snapshot{
		Key: key,
		Spec: rollout.Spec{
			Interval: 10 * time.Second, Threshold: 3, StepWeights: []rollout.Weight{5_000, share, 50_000},
			Traffic: rollout.Capabilities{Weights: true},
		},
		State: rollout.State{
			Version: rollout.StateVersion, Phase: rollout.Progressing, Since: noon, Promoted: "aaaaaaaaaa", Tried: wanted, Runs: 2,
			Run: &rollout.Run{
				Name: wanted + "-2", Revision: wanted, Started: noon, Stage: rollout.Stepping, Step: 1, Weight: share,
				FailedChecks: 1, Acked: noon.Add(10 * time.Second), Due: noon.Add(20 * time.Second),
				Results: []analysis.Result{{
					Metric: "success-rate", Outcome: analysis.Passing, Value: 99.7, Min: &least, Unit: "%", Requests: 512,
					Message: "99.7 % of 512 requests succeeded",
				}},
			},
			Wait: rollout.Wait{
				Reason: "Analysis", Message: "the next check of step 2 is due", Since: noon.Add(10 * time.Second),
				Until: noon.Add(20 * time.Second), Ends: "the check",
			},
		},
		Workload: rollout.Workload{
			Target:  rollout.Target{Exists: true, Revision: wanted, Replicas: 2},
			Primary: rollout.Side{Exists: true, Revision: "aaaaaaaaaa", Replicas: 2, Ready: 2, Serving: 2},
			Canary:  rollout.Side{Exists: true, Revision: wanted, Replicas: 2, Ready: 1, Serving: 1, Why: "web-1 does not answer its probe yet"},
		},
		Traffic: rollout.Traffic{Exists: true, Split: split, Acked: split},
		Addresses: []httpapi.Address{
			{Service: key.Name, URL: "http://127.0.0.1:20001"},
			{Service: key.Name + "-primary", URL: "http://127.0.0.1:20002"},
			{Service: key.Name + "-canary", URL: "http://127.0.0.1:20003"},
		},
	}
}

// Succeeded is a canary at rest, after a run that was promoted.
func Succeeded(key engine.Key) httpapi.Snapshot {
	s := Progressing(key)
	run := *s.State.Run
	run.Stage, run.Ended, run.Outcome = rollout.Done, Noon().Add(time.Minute), rollout.OutcomeSucceeded
	run.Reason, run.Message, run.FailedChecks = "Promoted", "revision "+wanted+" is promoted", 0
	s.State.Run, s.State.Phase, s.State.Since = &run, rollout.Succeeded, run.Ended
	s.State.Promoted, s.State.Wait = run.Revision, rollout.Wait{}
	return atRest(s)
}

// Failed is a canary at rest, after a run that ended with outcome.
func Failed(key engine.Key, outcome rollout.Outcome, reason, message string) httpapi.Snapshot {
	s := Progressing(key)
	run := *s.State.Run
	run.Stage, run.Ended, run.Outcome = rollout.Done, Noon().Add(time.Minute), outcome
	run.Reason, run.Message = reason, message
	s.State.Run, s.State.Phase, s.State.Since, s.State.Wait = &run, rollout.Failed, run.Ended, rollout.Wait{}
	return atRest(s)
}

func atRest(s httpapi.Snapshot) httpapi.Snapshot {
	split := rollout.Split{Primary: rollout.Whole}
	s.Traffic.Split, s.Traffic.Acked = split, split
	s.Workload.Canary = rollout.Side{Exists: true, Revision: s.Workload.Canary.Revision}
	s.Workload.Primary.Revision = s.State.Promoted
	return s
}

// Lifetime is the events of a run that ended with outcome.
func Lifetime(run string, outcome rollout.Outcome, reason, message string) []rollout.Event {
	noon := Noon()
	event := func(second int, kind rollout.EventType, text string) rollout.Event {
		return rollout.Event{
			ID: run + "/" + string(kind), At: noon.Add(time.Duration(second) * time.Second), Type: kind, Severity: rollout.Info,
			Phase: rollout.Progressing, Message: text, Run: run, Revision: wanted,
		}
	}
	weight := event(5, rollout.WeightWanted, "The canary gets 20 %")
	weight.Weight = 20 * rollout.Percent
	end := event(60, rollout.RunEnded, "Run "+run+" ended: "+message)
	end.Ending, end.Reason, end.Detail, end.Phase = outcome, reason, message, rollout.Failed
	if outcome == rollout.OutcomeFailed {
		end.Severity = rollout.Loud
	}
	if outcome == rollout.OutcomeSucceeded {
		end.Phase = rollout.Succeeded
	}
	return []rollout.Event{event(0, rollout.RunStarted, "Revision "+wanted+" starts as run "+run), weight, end}
}
