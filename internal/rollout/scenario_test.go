package rollout_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/serin-dev/serin/internal/analysis"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

// TestScenarios plays whole releases from testdata/scenarios. Each script reads as documentation; run with -rewrite
// to accept a new behaviour, then review the difference as one.
func TestScenarios(t *testing.T) {
	t.Parallel()
	datadriven.Walk(t, "testdata/scenarios", func(t *testing.T, path string) {
		t.Helper()
		t.Parallel()
		w := newWorld(t)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			t.Helper()
			w.t = t
			if err := w.do(d); err != nil {
				d.Fatalf(t, "%v", err)
			}
			return w.answer(d)
		})
	})
}

// decoded reads a state as a restarted engine does.
func decoded(d *datadriven.TestData) string {
	s, err := rollout.Decode([]byte(d.Input))
	if err != nil {
		return fmt.Sprintf("%s: %v\n", fault.KindOf(err), err)
	}
	return fmt.Sprintf("phase %s, promoted %q\n", s.Phase, s.Promoted)
}

// TestEveryPointOfTheSemanticsHasAScenario keeps the numbered points of the semantics findable by their number.
func TestEveryPointOfTheSemanticsHasAScenario(t *testing.T) {
	t.Parallel()
	elsewhere := map[int]string{
		10: "what is counted is the meter's: see its conformance laws",
	}
	files, err := filepath.Glob("testdata/scenarios/*")
	if err != nil {
		t.Fatal(err)
	}
	found := map[int]bool{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(data), "# ") {
			t.Errorf("%s does not begin with what it shows", file)
		}
		var n int
		if _, err := fmt.Sscanf(filepath.Base(file), "semantics_%d_", &n); err != nil {
			continue
		}
		if found[n] = true; !strings.HasPrefix(string(data), fmt.Sprintf("# Semantics %d: ", n)) {
			t.Errorf("%s does not begin with the point that it shows", file)
		}
	}
	// Those above are about Kubernetes.
	for n := 1; n <= 24; n++ {
		if reason, excused := elsewhere[n]; found[n] == excused {
			t.Errorf("point %d: a scenario: %t, excused: %q", n, found[n], reason)
		}
	}
}

// do carries out one line of a script.
func (w *world) do(d *datadriven.TestData) error {
	for _, arg := range d.CmdArgs {
		value := ""
		if len(arg.Vals) > 0 {
			value = arg.Vals[0]
		}
		if err := w.set(d.Cmd, arg.Key, value, arg.Vals); err != nil {
			return fmt.Errorf("%s %s=%s: %w", d.Cmd, arg.Key, value, err)
		}
	}
	if verb, ok := map[string]rollout.Verb{
		"promote": rollout.Promote, "abort": rollout.Abort, "pause": rollout.Pause,
		"resume": rollout.Resume, "retry": rollout.Retry, "skip": rollout.Skip,
	}[d.Cmd]; ok {
		w.command(verb)
	}
	return nil
}

func (w *world) answer(d *datadriven.TestData) string {
	switch d.Cmd {
	case "pass":
		w.pass()
		return w.take()
	case "run":
		return w.take()
	case "events":
		return fmt.Sprintf("%d wait for delivery, %d were told, %d more than once\n", len(w.state.Outbox), len(w.told), w.again)
	case "decode":
		return decoded(d)
	case "status":
		s := w.state
		text := fmt.Sprintf("%s weight %s promoted %s", s.Phase, w.obs.Traffic.Split.Canary, s.Promoted)
		if s.Run != nil {
			text += fmt.Sprintf(" run %s failed %d outcome %q reason %q", s.Run.Name, s.Run.FailedChecks, s.Run.Outcome, s.Run.Reason)
		}
		if s.Wait.Reason != "" {
			text += fmt.Sprintf("\nwaits: %s: %s (ends: %s)", s.Wait.Reason, s.Wait.Message, s.Wait.Ends)
		}
		return text + "\n"
	default:
		return ""
	}
}

func (w *world) set(cmd, key, value string, all []string) error {
	switch cmd {
	case "spec":
		return w.setSpec(key, value, all)
	case "hook":
		w.spec.Hooks = append(w.spec.Hooks, rollout.Hook{Name: key, Type: rollout.HookType(value)})
		if len(all) > 1 {
			d, err := time.ParseDuration(all[1])
			w.spec.Hooks[len(w.spec.Hooks)-1].Deadline = d
			return err
		}
		return nil
	case "unhook":
		w.spec.Hooks = slices.DeleteFunc(w.spec.Hooks, func(h rollout.Hook) bool { return h.Name == key })
	case "answer":
		if value == "never" {
			delete(w.hooks, key)
			return nil
		}
		w.hooks[key] = value == "yes"
		return nil
	case "pass":
		// One pass, where run makes as many as there is something to do; the process dies after some effects of it.
		n, err := strconv.Atoi(value)
		w.crash = n + 1
		return err
	case "run":
		d, err := time.ParseDuration(key)
		if err == nil {
			w.run(d)
		}
		return err
	case "metrics":
		return w.setMetrics(key, value)
	case "world":
		return w.setWorld(key, value)
	}
	return nil
}

func (w *world) setMetrics(key, value string) error {
	switch key {
	case "good":
		w.evidence = healthy()
	case "bad":
		w.evidence = healthy()
		w.evidence.Batch.Canary.Errors = 50
	case "none":
		w.evidence = &analysis.Evidence{}
	case "silent":
		w.evidence = nil
	case "problem":
		w.evidence = &analysis.Evidence{BatchProblem: problem(value)}
	default:
		return fmt.Errorf("unknown evidence")
	}
	return nil
}

func (w *world) setWorld(key, value string) error {
	yes := value == "yes"
	switch key {
	case "target":
		w.obs.Workload.Target.Revision = value
	case "exists":
		w.obs.Workload.Target.Exists = yes
	case "canary-up":
		w.canaryUp = yes
	case "primary-up":
		w.primaryUp, w.primaryDown = yes, value == "none"
	case "acks":
		w.acks = yes
	case "abrupt":
		w.obs.Workload.Primary.Abrupt = yes
	case "autoscaled":
		w.obs.Workload.Primary.Autoscaled = yes
	case "rejected":
		w.obs.Traffic.Rejected = value
	case "deleting":
		w.obs.Deleting = yes
	case "blocked":
		w.obs.Blocked = value
	case "unreadable":
		w.obs.Workload.Problem = nil
		if yes {
			w.obs.Workload.Problem = problem("Unavailable")
		}
	case "route-unreadable":
		w.obs.Traffic.Problem = nil
		if yes {
			w.obs.Traffic.Problem = problem("Unavailable")
		}
	case "brake":
		w.obs.Brake = nil
		if yes {
			w.obs.Brake = &rollout.Intent{By: "ops", Reason: "incident", At: w.now}
		}
	case "drift":
		w.obs.Traffic.Split = rollout.Split{Primary: rollout.Whole}
		if value != "" {
			w.obs.Traffic.Split = rollout.Split{Canary: rollout.Whole}
		}
	default:
		return w.setPods(key, value)
	}
	return nil
}

// setPods changes what runs, the clock and the deliveries.
func (w *world) setPods(key, value string) error {
	o := &w.obs.Workload
	switch key {
	case "primary":
		if o.Primary.Revision = value; value == "gone" {
			o.Primary = rollout.Side{}
		}
	case "snapshots":
		o.Target.Pinned = nil
	case "windows":
		w.windows = true
	case "deaf":
		w.deaf = value == "yes"
	case "endless":
		w.endless = value == "yes"
	case "clock":
		d, err := time.ParseDuration(value)
		w.now = w.now.Add(d)
		return err
	case "replicas", "pods":
		n, err := strconv.Atoi(value)
		if to := &o.Target.Replicas; key == "replicas" {
			*to = n
		} else {
			o.Canary.Replicas = n
		}
		return err
	default:
		return fmt.Errorf("unknown fact")
	}
	return nil
}

func (w *world) setSpec(key, value string, all []string) error {
	s := &w.spec
	switch key {
	case "suspend":
		s.Suspend = value == "yes"
		return nil
	case "skip-analysis":
		s.SkipAnalysis = value == "yes"
		return nil
	case "revert":
		s.RevertOnDeletion = value == "yes"
		return nil
	case "mirror":
		s.Mirror = value == "yes"
		return nil
	case "match":
		s.Match = value == "yes"
		return nil
	case "sticky":
		s.Sticky = value == "yes"
		return nil
	case "weights-known":
		s.Traffic.Weights = value == "yes"
		return nil
	case "match-known":
		s.Traffic.Match = value == "yes"
		return nil
	case "success":
		lowest := 99.0
		s.Metrics = []analysis.Metric{{Name: "request-success-rate", Source: analysis.SuccessRate, Min: &lowest}}
		return nil
	case "steps":
		return w.setSteps(all)
	}
	return w.setNumber(key, value)
}

func (w *world) setNumber(key, value string) error {
	s := &w.spec
	durations := map[string]*time.Duration{"interval": &s.Interval, "deadline": &s.ProgressDeadline, "drain": &s.Drain, "unavailable": &s.UnavailableLimit}
	if to, ok := durations[key]; ok {
		d, err := time.ParseDuration(value)
		*to = d
		return err
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		return err
	}
	switch key {
	case "step":
		s.Iterations, s.StepWeight = 0, rollout.Weight(n)*rollout.Percent
	case "max":
		s.MaxWeight = rollout.Weight(n) * rollout.Percent
	case "back":
		s.StepWeightPromotion = rollout.Weight(n) * rollout.Percent
	case "threshold":
		s.Threshold = n
	case "iterations":
		s.Iterations, s.StepWeight = n, 0
	default:
		return fmt.Errorf("unknown field")
	}
	return nil
}

func (w *world) setSteps(all []string) error {
	w.spec.StepWeight, w.spec.StepWeights = 0, nil
	for _, v := range all {
		n, err := strconv.Atoi(v)
		if err != nil {
			return err
		}
		w.spec.StepWeights = append(w.spec.StepWeights, rollout.Weight(n)*rollout.Percent)
	}
	return nil
}
