package rollout

// repaired makes a state that no engine wrote safe to act on. What contradicts itself never goes on towards a
// promotion: it starts over, or it goes back.
func (s State) repaired() State {
	s.trim()
	if s.Run != nil {
		run := s.Run.bounded()
		s.Run = &run
	}
	switch s.Phase {
	case "", Initializing, Terminating, Terminated:
	case Initialized, Succeeded, Failed:
		if s.Promoted == "" {
			s.Phase = Initializing
		}
	case Waiting, Progressing, WaitingPromotion, Promoting, Finalising:
		if s.Run == nil || s.Run.Name == "" || s.Run.Revision == "" || s.Promoted == "" {
			s.Run, s.Phase = nil, Initializing
			break
		}
		s.repairRun()
	}
	return s
}

// trim keeps lists within their bounds and counters where they make names.
func (s *State) trim() {
	if over := len(s.Consumed) - maxConsumed; over > 0 {
		s.Consumed = s.Consumed[over:]
	}
	if over := len(s.Outbox) - maxOutbox; over > 0 {
		s.Outbox = s.Outbox[over:]
	}
	s.Seq, s.Runs, s.Dropped = max(0, s.Seq), max(0, s.Runs), max(0, s.Dropped)
}

// bounded returns the run with numbers that can be.
func (r Run) bounded() Run {
	r.Step = max(-1, r.Step)
	r.Weight = min(max(0, r.Weight), Whole)
	r.FailedChecks, r.Passes, r.Round = max(0, r.FailedChecks), max(0, r.Passes), max(0, r.Round)
	r.Replicas = max(0, r.Replicas)
	return r
}

// repairRun makes the stage and the verdict of a run fit its phase.
func (s *State) repairRun() {
	r := s.Run
	switch s.Phase {
	case Waiting:
		if r.Stage != Clearing && r.Stage != Confirming {
			r.Stage = Clearing
		}
	case Progressing, WaitingPromotion:
		if r.Stage != Clearing && r.Stage != Scaling && r.Stage != Preparing && r.Stage != Stepping {
			r.Stage = Clearing
		}
	case Promoting:
		s.repairPromotion()
		return
	case Finalising:
		if s.Promoted != r.Revision {
			s.turnBack()
			return
		}
		if r.Stage != Closing {
			r.Stage = Returning
		}
		r.Pass, r.Written, r.Outcome = true, true, ""
		return
	case Initializing, Initialized, Succeeded, Failed, Terminating, Terminated:
		return
	}
	if r.Outcome != "" || r.Pass || r.Written {
		s.turnBack()
	}
}

func (s *State) repairPromotion() {
	r := s.Run
	switch {
	case r.Stage == Restoring:
		r.Pass, r.Written = false, true
		r.fill()
	case !r.Pass || r.Outcome != "" || s.Promoted == r.Revision:
		s.turnBack()
	case r.Stage == Opening:
		r.Written = false
	default:
		r.Stage = Replacing
	}
}

// turnBack takes a run back whose saved state contradicts itself.
func (s *State) turnBack() {
	r := s.Run
	r.fill()
	r.Pass = false
	if r.Written && s.Promoted != r.Revision {
		s.Phase, r.Stage = Promoting, Restoring
		return
	}
	r.Written = false
	s.Phase, r.Stage = Failed, Retreating
}

// fill gives a run that goes back a verdict, if it has none.
func (r *Run) fill() {
	if r.Outcome == "" || r.Outcome == OutcomeSucceeded {
		r.Outcome, r.Reason, r.Message = OutcomeFailed, "Damaged", "the saved state contradicts itself"
	}
}
