package rollout

import "slices"

// repaired makes a state that no engine wrote safe to act on. What contradicts itself never goes on towards a
// promotion: it starts over, or it goes back.
func (s State) repaired() State {
	s = s.trimmed()
	switch s.Phase {
	case "", Initializing:
		s.Promoted = ""
	case Terminating, Terminated:
	case Initialized, Succeeded, Failed:
		if s.Promoted == "" {
			s.Phase = Initializing
		}
	case Waiting, Progressing, WaitingPromotion, Promoting, Finalising:
		if s.Run == nil || s.Run.Name == "" || s.Run.Revision == "" || s.Promoted == "" {
			s.Run, s.Phase, s.Promoted = nil, Initializing, ""
			break
		}
		repairRun(&s, s.Run)
	}
	return s
}

// trimmed keeps lists and numbers within their bounds.
func (s State) trimmed() State {
	s.Consumed = s.Consumed[max(0, len(s.Consumed)-maxConsumed):]
	s.Outbox = s.Outbox[max(0, len(s.Outbox)-maxOutbox):]
	s.Seq, s.Runs, s.Dropped = max(0, s.Seq), max(0, s.Runs), max(0, s.Dropped)
	if s.Run == nil {
		return s
	}
	r := *s.Run
	r.Step = max(-1, r.Step)
	r.Weight = min(max(0, r.Weight), Whole)
	r.FailedChecks, r.Passes, r.Round = max(0, r.FailedChecks), max(0, r.Passes), max(0, r.Round)
	r.Replicas = max(0, r.Replicas)
	s.Run = &r
	return s
}

// repairRun makes the stage and the verdict of a run in progress fit its phase.
func repairRun(s *State, r *Run) {
	s.Tried = r.Revision
	switch s.Phase {
	case Waiting:
		stageIn(r, Clearing, Confirming)
	case Progressing, WaitingPromotion:
		stageIn(r, Clearing, Scaling, Preparing, Stepping)
	case Promoting:
		repairPromotion(s, r)
		return
	case Finalising:
		repairReturn(s, r)
		return
	case Initializing, Initialized, Succeeded, Failed, Terminating, Terminated:
		return
	}
	if r.Outcome != "" || r.Pass || r.Written {
		turnBack(s, r)
	}
}

// stageIn begins the phase again where the run stands in a stage of another one.
func stageIn(r *Run, stages ...Stage) {
	if !slices.Contains(stages, r.Stage) {
		r.Stage = stages[0]
	}
}

func repairPromotion(s *State, r *Run) {
	switch {
	case r.Stage == Restoring:
		r.Pass, r.Written = false, true
		giveVerdict(r)
	case !r.Pass || r.Outcome != "" || s.Promoted == r.Revision:
		turnBack(s, r)
	case r.Stage == Opening:
		r.Written = false
	default:
		r.Stage = Replacing
	}
}

func repairReturn(s *State, r *Run) {
	if s.Promoted != r.Revision {
		turnBack(s, r)
		return
	}
	stageIn(r, Returning, Closing)
	r.Pass, r.Written, r.Outcome = true, true, ""
}

// turnBack takes a run back whose saved state contradicts itself.
func turnBack(s *State, r *Run) {
	giveVerdict(r)
	r.Pass = false
	if r.Written && s.Promoted != r.Revision {
		s.Phase, r.Stage = Promoting, Restoring
		return
	}
	r.Written = false
	s.Phase, r.Stage = Failed, Retreating
}

// giveVerdict gives a run that goes back an outcome, if it has none.
func giveVerdict(r *Run) {
	if r.Outcome == "" || r.Outcome == OutcomeSucceeded {
		r.Outcome, r.Reason, r.Message = OutcomeFailed, "Damaged", "the saved state contradicts itself"
	}
}
