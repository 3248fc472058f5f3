package rollout

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Strategy is the shape of a plan.
type Strategy string

// The strategies.
const (
	// Weighted raises the canary's share step by step.
	Weighted Strategy = "canary"
	// ABTest sends the requests that meet the conditions to the canary.
	ABTest Strategy = "a/b test"
	// BlueGreen tests the canary without a share of the traffic.
	BlueGreen Strategy = "blue/green"
	// Direct promotes without analysis.
	Direct Strategy = "no analysis"
)

// Plan is what a run goes through, compiled from a Spec.
type Plan struct {
	Strategy Strategy   `json:"strategy"`
	Steps    []PlanStep `json:"steps,omitempty"`
}

// PlanStep is one place where a run stops and looks.
type PlanStep struct {
	// Canary is the canary's share, Mirror the share of the primary's requests that is copied to it.
	Canary Weight `json:"canary,omitempty"`
	Mirror Weight `json:"mirror,omitempty"`
	// Match sends the requests that meet the A/B conditions to the canary.
	Match bool `json:"match,omitempty"`
	// Checks is how many checks have to pass here.
	Checks int `json:"checks"`
}

// maxSteps bounds a plan; 1 % steps need 100 and a mirrored first step one more.
const maxSteps = 101

// fallbackIterations is what a weighted plan becomes where the data plane knows no weights.
const fallbackIterations = 10

// Compile turns a spec with its defaults into a plan, with warnings for what its author probably did not mean.
// It refuses a spec that no plan can serve.
func Compile(s Spec) (Plan, []string, error) {
	s = s.Default()
	if s.SkipAnalysis {
		return Plan{Strategy: Direct}, nil, nil
	}
	c := compiler{spec: s}
	plan, err := c.compile()
	if err != nil {
		return Plan{}, nil, err
	}
	c.warnAbout(plan)
	return plan, c.warnings, nil
}

type compiler struct {
	spec     Spec
	warnings []string
}

func (c *compiler) warnf(format string, args ...any) {
	c.warnings = append(c.warnings, fmt.Sprintf(format, args...))
}

func (c *compiler) compile() (Plan, error) {
	s := &c.spec
	weighted := s.StepWeight > 0 || len(s.StepWeights) > 0
	switch {
	case s.Iterations > 0 && weighted:
		return Plan{}, errors.New("analysis has both iterations and step weights: keep one of iterations, stepWeight, stepWeights")
	case s.Iterations > 0 && s.Match:
		return c.abTest()
	case s.Iterations > 0:
		return c.blueGreen(s.Iterations), nil
	case weighted && !s.Traffic.Weights:
		c.warnf("this provider knows no weights: the steps are replaced by a blue/green release with %d iterations", fallbackIterations)
		return c.blueGreen(fallbackIterations), nil
	case weighted:
		return c.weighted()
	default:
		return Plan{}, errors.New("analysis has no steps: set one of iterations, stepWeight, stepWeights, or skipAnalysis: true")
	}
}

func (c *compiler) abTest() (Plan, error) {
	if !c.spec.Traffic.Match {
		return Plan{}, errors.New("this provider cannot route by match conditions: remove analysis.match for a blue/green release, or choose another provider")
	}
	return Plan{Strategy: ABTest, Steps: []PlanStep{{Match: true, Checks: c.spec.Iterations}}}, nil
}

func (c *compiler) blueGreen(iterations int) Plan {
	return Plan{Strategy: BlueGreen, Steps: []PlanStep{{Mirror: c.mirror(), Checks: iterations}}}
}

func (c *compiler) weighted() (Plan, error) {
	weights, err := c.weights()
	if err != nil {
		return Plan{}, err
	}
	steps := make([]PlanStep, 0, len(weights)+1)
	if m := c.mirror(); m > 0 {
		steps = append(steps, PlanStep{Mirror: m, Checks: 1})
	}
	for _, w := range weights {
		steps = append(steps, PlanStep{Canary: w, Checks: 1})
	}
	return Plan{Strategy: Weighted, Steps: steps}, nil
}

func (c *compiler) mirror() Weight {
	if !c.spec.Mirror {
		return 0
	}
	if !c.spec.Traffic.Mirror {
		c.warnf("this provider cannot mirror requests: the mirrored step is left out")
		return 0
	}
	return min(c.spec.MirrorWeight, Whole)
}

// weights lists the canary's shares, strictly increasing and none above the maximum.
func (c *compiler) weights() ([]Weight, error) {
	s := &c.spec
	limit := min(s.MaxWeight, Whole)
	if len(s.StepWeights) > 0 {
		return checkedWeights(s.StepWeights)
	}
	if int(limit/s.StepWeight) >= maxSteps {
		return nil, fmt.Errorf("stepWeight %s makes more than %d steps: choose a larger one", s.StepWeight, maxSteps-1)
	}
	weights := make([]Weight, 0, limit/s.StepWeight+1)
	for w := s.StepWeight; w < limit; w += s.StepWeight {
		weights = append(weights, w)
	}
	if limit%s.StepWeight != 0 {
		c.warnf("maxWeight %s is no multiple of stepWeight %s: the last step is %s", limit, s.StepWeight, limit)
	}
	return append(weights, limit), nil
}

func checkedWeights(weights []Weight) ([]Weight, error) {
	if len(weights) >= maxSteps {
		return nil, fmt.Errorf("stepWeights has %d entries: the limit is %d", len(weights), maxSteps-1)
	}
	last := Weight(0)
	for i, w := range weights {
		if w <= last || w > Whole {
			return nil, fmt.Errorf("stepWeights[%d] is %s: each entry must be larger than the one before and at most 100%%", i, w)
		}
		last = w
	}
	return weights, nil
}

func (c *compiler) warnAbout(p Plan) {
	s := &c.spec
	if len(s.Metrics) == 0 && !s.has(DuringRollout) {
		c.warnf("the analysis has no metric and no rollout hook: readiness alone decides")
	}
	if p.Strategy == BlueGreen && p.Steps[0].Mirror == 0 && !s.has(DuringRollout) && !s.has(PreRollout) {
		c.warnf("nothing sends requests to the canary during a blue/green release: mirror traffic or add a hook that generates load")
	}
	if s.Match && p.Strategy != ABTest {
		c.warnf("analysis.match is ignored without iterations")
	}
	c.warnAboutSessions(p)
}

func (c *compiler) warnAboutSessions(p Plan) {
	switch s := &c.spec; {
	case s.Sticky && p.Strategy == ABTest:
		c.warnf("session affinity is ignored in an A/B test: the match conditions decide")
	case s.Sticky && !s.Traffic.Sticky:
		c.warnf("this provider cannot keep sessions: session affinity is ignored")
	}
}

func (s Spec) has(t HookType) bool {
	for i := range s.Hooks {
		if s.Hooks[i].Type == t {
			return true
		}
	}
	return false
}

// Shortest is how long a run of the plan takes when every check passes at once, pods need no time, and the primary can
// be replaced gradually.
func (p Plan) Shortest(s Spec) time.Duration {
	s = s.Default()
	intervals, last := 0, PlanStep{}
	for _, step := range p.Steps {
		intervals += step.Checks
		last = step
	}
	drains := 0
	switch {
	case !s.Traffic.Weights:
		// Everything goes to the canary while the primary is replaced, and back.
		drains = 2
	case last.Canary > 0 || last.Mirror > 0 || last.Match:
		drains = 1
	}
	if by := int64(s.StepWeightPromotion); by > 0 && s.Traffic.Weights {
		back := (int64(last.Canary) + by - 1) / by
		intervals += int(max(back-1, 0))
	}
	return sum(times(intervals, s.Interval), times(drains, s.Drain))
}

// fingerprint tells an edited plan from the one that a run began with.
func (p Plan) fingerprint() string {
	b := make([]byte, 0, 16+12*len(p.Steps))
	b = append(b, p.Strategy...)
	for _, s := range p.Steps {
		b = append(b, ' ')
		b = strconv.AppendInt(b, int64(s.Canary), 10)
		if s.Mirror > 0 {
			b = append(b, 'm')
			b = strconv.AppendInt(b, int64(s.Mirror), 10)
		}
		if s.Match {
			b = append(b, '?')
		}
		if s.Checks > 1 {
			b = append(b, 'x')
			b = strconv.AppendInt(b, int64(s.Checks), 10)
		}
	}
	return string(b)
}

// at returns the index of the last step whose weight is not above w, or -1.
func (p Plan) at(w Weight) int {
	found := -1
	for i := range p.Steps {
		if p.Steps[i].Canary <= w {
			found = i
		}
	}
	return found
}

// String returns the weight as a percentage without needless digits.
func (w Weight) String() string {
	return strconv.FormatFloat(float64(w)/float64(Percent), 'f', -1, 64) + "%"
}
