package explorer

// happen lets something happen between two passes. It returns false where it cannot or would change nothing.
func (m *model) happen(n *node, k kind) bool {
	w := &n.w
	switch k {
	case tick:
		n.now = n.now.Add(unit)
		return true
	case ack:
		if !w.routed || w.acked == w.split {
			return false
		}
		w.acked = w.split
		w.watch(n.now)
		return true
	case canaryReady, canarySome, canaryDown:
		return pods(&w.canary, k-canaryReady)
	case primaryReady, primarySome, primaryDown:
		return pods(&w.primary, k-primaryReady)
	default:
		return m.change(n, k)
	}
}

// pods makes all, some or none of a side's pods ready.
func pods(s *side, how kind) bool {
	was := *s
	switch {
	case !s.exists:
		return false
	case how == 0:
		s.only(size)
	case how == 1:
		s.some()
	default:
		s.only(0)
	}
	return *s != was
}

// change is what people do to the manifests, and to what Serin made.
func (m *model) change(n *node, k kind) bool {
	w := &n.w
	switch k {
	case targetFirst, targetSecond, targetThird:
		return m.retarget(w, int8(k-targetFirst))
	case deletion:
		was := w.deleting
		w.deleting = true
		return !was
	case vanish:
		w.missing = !w.missing
		return m.plan.Vanishes
	case drift:
		was := w.split
		w.split = rest()
		w.watch(n.now)
		return m.plan.Vanishes && w.routed && w.split != was
	case edit:
		n.edited = !n.edited
		return m.plan.Edited != nil
	default:
		return false
	}
}

// retarget gives the target another revision.
func (m *model) retarget(w *world, revision int8) bool {
	if w.missing || w.target == revision {
		return false
	}
	w.target = revision
	if m.plan.Follows && w.canary.exists {
		w.canary.revision = revision
	}
	return true
}

// heal makes everything in the world work. It says whether that changed anything.
func (m *model) heal(n *node) bool {
	changed := n.w.missing
	n.w.missing = false
	for _, k := range []kind{canaryReady, primaryReady, ack} {
		changed = m.happen(n, k) || changed
	}
	return changed
}

// leaves says that a narrow plan leaves an event out.
func (m *model) leaves(k kind) bool {
	switch k {
	case canarySome, primarySome, targetThird, braked, rejected:
		return m.plan.Narrow
	default:
		return false
	}
}
