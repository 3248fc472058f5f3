package processworkload

import (
	"slices"

	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/rollout"
)

// apply takes over what the manifest says.
func (u *unit) apply(t Target) error {
	err := errGone
	u.follow(func() {
		old := u.manifest
		u.manifest = &t.Template
		if err = u.changeLocked(func(r *record) error { return u.applyTo(r, &t) }); err != nil {
			u.manifest = old
		}
	})
	return err
}

func (u *unit) applyTo(r *record, t *Target) error {
	was := r.Target
	r.Target = targetRecord{Exists: true, Revision: t.Revision, Replicas: t.Replicas}
	r.Plain = t.Plain
	if r.Primary.Exists && was.Exists && was.Replicas != t.Replicas {
		// Nobody else resizes a primary here: its size is that of the manifest.
		r.Primary.Replicas = max(1, t.Replicas)
	}
	switch {
	case r.follows():
		if err := u.keep(r, t.Revision); err != nil {
			return err
		}
		r.Canary = sideRecord{Exists: true, Revision: t.Revision, Replicas: t.Replicas}
	case !r.Canary.Exists:
		// A canary is in charge from the start: it says when pods are needed.
		r.Canary = sideRecord{Exists: true, Revision: t.Revision}
	}
	return nil
}

// remove takes the manifest away. What a canary looks after stays until it is released.
func (u *unit) remove() error {
	return u.change(func(r *record) error {
		r.Target = targetRecord{}
		if r.follows() {
			r.Primary, r.Canary = sideRecord{}, sideRecord{}
		}
		u.manifest = nil
		return nil
	})
}

func (u *unit) pin(revision string) error {
	return u.change(func(r *record) error { return u.keep(r, revision) })
}

// promote writes a revision that is kept into the primary.
func (u *unit) promote(p rollout.PromoteTo) error {
	return u.change(func(r *record) error {
		if _, err := u.kept(r, p.Revision); err != nil {
			return err
		}
		s := &r.Primary
		if !s.Exists {
			*s = sideRecord{Exists: true, Replicas: max(1, r.Target.Replicas)}
		}
		// What is being replaced comes back if the promotion fails, so it stays among the latest.
		r.use(s.Revision)
		r.use(p.Revision)
		s.Revision, s.Leaving = p.Revision, false
		return nil
	})
}

// kept returns the snapshot of a revision that is listed as pinned.
func (u *unit) kept(r *record, revision string) (*Template, error) {
	if slices.Contains(r.Kept, revision) {
		return u.snapshot(revision)
	}
	return nil, fault.Errorf(fault.NotFound, "revision %s of %s is not pinned", revision, u.key)
}

func (u *unit) scale(a rollout.Scale) error {
	return u.change(func(r *record) error {
		if a.Side == rollout.PrimarySide {
			if !r.Primary.Exists {
				return fault.Errorf(fault.NotFound, "%s has no primary", u.key)
			}
			r.Primary.Replicas = a.Replicas
			return nil
		}
		if a.Replicas == 0 {
			r.Canary.Replicas = 0
			return nil
		}
		if err := u.keep(r, a.Revision); err != nil {
			return err
		}
		r.Canary = sideRecord{Exists: true, Revision: a.Revision, Replicas: a.Replicas}
		return nil
	})
}

// release makes the target plain again. The primary stays until the target serves.
func (u *unit) release() error {
	return u.change(func(r *record) error {
		r.Plain = true
		if !r.Target.Exists {
			r.Primary, r.Canary = sideRecord{}, sideRecord{}
			return nil
		}
		if err := u.keep(r, r.Target.Revision); err != nil {
			return err
		}
		r.Canary = sideRecord{Exists: true, Revision: r.Target.Revision, Replicas: r.Target.Replicas}
		r.Primary.Leaving = r.Primary.Exists
		return nil
	})
}
