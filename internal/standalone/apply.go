package standalone

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/serin-dev/serin/api/v1beta1"
	"github.com/serin-dev/serin/internal/canaryspec"
	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/fault"
	"github.com/serin-dev/serin/internal/feed"
	"github.com/serin-dev/serin/internal/httpapi"
	"github.com/serin-dev/serin/internal/standalone/manifest"
	"github.com/serin-dev/serin/internal/xds/table"
)

// targetKey names a Deployment.
type targetKey = manifest.Key

// world is all that is wanted now. It is immutable.
type world struct {
	set *manifest.Set
	// members are the canaries, those to be released included.
	members map[engine.Key]*member
	// services are those of the routing table.
	services map[table.Key]backing
}

// member is one canary with what it was made of.
type member struct {
	engine      *engine.Canary
	ingredients ingredients
	service     table.Key
	target      targetKey
	addresses   []httpapi.Address
	// made are the notes of its making, notes also those of its service, warnings all that its author should know.
	made, notes, warnings []string
	// problem is why the canary cannot act, or empty.
	problem string
	// since is when the canary was seen first. The oldest one acts where several want the same.
	since time.Time
}

// older orders members: who was there first comes first.
func older(a, b *member) int {
	return cmp.Or(a.since.Compare(b.since), strings.Compare(a.engine.Key.String(), b.engine.Key.String()))
}

// backing is what stands behind a service: the pods of a target, and which of their ports.
type backing struct {
	target targetKey
	port   string
}

// watch reloads the directory at every change until ctx ends.
func (d *daemon) watch(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return manifest.Watch(ctx, d.o.Dir, func() { d.reload(ctx) }, manifest.WatchOptions{})
	})
	group.Go(func() error { return d.retry(ctx) })
	return group.Wait()
}

// retrying is how often manifests are tried again that are good and could not be put in force.
const retrying = 2 * time.Second

// retry reloads while something else than the manifests keeps them from being in force: a full disk has room again
// without any of their files being edited.
func (d *daemon) retry(ctx context.Context) error {
	ticker := time.NewTicker(retrying)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		var theirs manifest.Problems
		if why := d.problem.Load(); why != nil && !errors.As(*why, &theirs) {
			d.reload(ctx)
		}
	}
}

// reload puts the directory's new content in force. What cannot be used is said and leaves everything as it runs.
func (d *daemon) reload(ctx context.Context) {
	d.reloading.Lock()
	defer d.reloading.Unlock()
	set, err := manifest.Load(d.o.Dir)
	if err == nil {
		err = d.apply(ctx, set)
	}
	if ctx.Err() != nil {
		return
	}
	if err == nil {
		if d.problem.Swap(nil) != nil {
			d.log.Info("The manifests are in force again")
		}
		return
	}
	if was := d.problem.Swap(&err); was == nil || (*was).Error() != err.Error() {
		d.log.Error("The manifests cannot be used, and what runs stays as it is", "error", err.Error())
	}
}

// apply makes a set of manifests what is wanted.
func (d *daemon) apply(ctx context.Context, set *manifest.Set) error {
	d.applying.Lock()
	defer d.applying.Unlock()
	return d.put(ctx, set)
}

// put is apply for who holds applying already.
func (d *daemon) put(ctx context.Context, set *manifest.Set) error {
	old := d.world.Load()
	if old == nil {
		old = &world{}
	}
	w := &world{set: set, members: map[engine.Key]*member{}, services: map[table.Key]backing{}}
	if err := d.enlist(ctx, old, w); err != nil {
		return err
	}
	services, err := d.route(ctx, w)
	if err != nil {
		return err
	}
	d.world.Store(w)
	errs := []error{d.runTargets(w)}
	errs = append(errs, d.publish(ctx, old, w, services))
	d.scrape(w)
	canaries := make(map[engine.Key]*engine.Canary, len(w.members))
	for key, m := range w.members {
		canaries[key] = m.engine
	}
	d.wanted.replace(canaries)
	d.wakeAll()
	d.tell(old, w)
	return errors.Join(errs...)
}

// enlist makes the canaries of a world: those of the manifests, and those whose manifests are gone but that have
// not been released yet.
func (d *daemon) enlist(ctx context.Context, old, w *world) error {
	known, err := d.store.Keys(ctx)
	if err != nil {
		return err
	}
	for _, c := range w.set.Canaries() {
		key := engine.Key{Namespace: c.Namespace, Name: c.Name}
		m, err := d.member(old.members[key], c, w.set)
		if err != nil {
			return err
		}
		made := *m // The world before may have it, too.
		if err := d.keepTarget(ctx, key, c, &made); err != nil {
			return err
		}
		w.members[key] = &made
	}
	for _, key := range known {
		if _, wanted := w.members[key]; wanted {
			continue
		}
		if m := d.leaving(ctx, key, old.members[key], w.set); m != nil {
			w.members[key] = m
		}
	}
	settleOwners(w)
	return nil
}

// member makes a canary, or takes the one that there is if nothing that it is made of has changed.
func (d *daemon) member(old *member, c *v1beta1.Canary, set *manifest.Set) (*member, error) {
	in := gather(c, set)
	if old != nil && !old.engine.Deleting && old.problem == "" && in.equal(old.ingredients) {
		return old, nil
	}
	m, err := d.make(in)
	if err != nil {
		return nil, fmt.Errorf("canary %s/%s: %w", c.Namespace, c.Name, err)
	}
	return m, nil
}

// keepTarget remembers the manifest, so that the canary can be released after it is gone, and since when there is one.
// It refuses another target than the remembered one: what is known of the old target's revisions means nothing for the
// new one.
func (d *daemon) keepTarget(ctx context.Context, key engine.Key, c *v1beta1.Canary, m *member) error {
	before, err := d.remembered(ctx, key)
	if err != nil {
		return err
	}
	m.since = time.Now()
	if before != nil {
		m.since = sinceOf(before)
	}
	if before != nil && before.Spec.TargetRef.Name != c.Spec.TargetRef.Name {
		m.block(fmt.Sprintf("spec.targetRef.name was %s and is %s: delete the canary first, or give the new one another name",
			before.Spec.TargetRef.Name, c.Spec.TargetRef.Name))
		m.target.Name = before.Spec.TargetRef.Name
		return nil
	}
	kept := *c
	kept.Annotations = maps.Clone(c.Annotations)
	if kept.Annotations == nil {
		kept.Annotations = map[string]string{}
	}
	kept.Annotations[sinceAnnotation] = m.since.UTC().Format(time.RFC3339Nano)
	data, err := json.Marshal(kept)
	if err != nil {
		return fmt.Errorf("encode canary %s: %w", key, err)
	}
	return d.store.Remember(ctx, key, data)
}

// sinceAnnotation is where a remembered manifest has when the canary was seen first.
const sinceAnnotation = "serin.dev/since"

// sinceOf reads it. A canary that was remembered without it is older than any that has it.
func sinceOf(c *v1beta1.Canary) time.Time {
	since, err := time.Parse(time.RFC3339Nano, c.Annotations[sinceAnnotation])
	if err != nil {
		return time.Time{}
	}
	return since
}

func (d *daemon) remembered(ctx context.Context, key engine.Key) (*v1beta1.Canary, error) {
	data, err := d.store.Remembered(ctx, key)
	if err != nil || data == nil {
		return nil, err
	}
	var c v1beta1.Canary
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, fault.Errorf(fault.Invalid, "what the store remembers of canary %s is damaged: %w", key, err)
	}
	return &c, nil
}

// block keeps a canary from acting. The engine's canary may be shared with the world before, so it is replaced.
func (m *member) block(why string) {
	blocked := *m.engine
	blocked.Blocked = why
	m.engine, m.problem = &blocked, why
}

// settleOwners lets one canary act for each target: the oldest, as long as it has not been released.
func settleOwners(w *world) {
	owners := map[targetKey]engine.Key{}
	for _, m := range slices.SortedFunc(maps.Values(w.members), older) {
		if owner, taken := owners[m.target]; taken {
			m.block(fmt.Sprintf("Deployment %s belongs to canary %s already: give each canary a target of its own", m.target.Name, owner))
			continue
		}
		owners[m.target] = m.engine.Key
	}
}

// leaving makes a canary whose manifest is gone one that is to be released. It returns nil where nothing is known of it.
func (d *daemon) leaving(ctx context.Context, key engine.Key, old *member, set *manifest.Set) *member {
	if old == nil {
		c, err := d.remembered(ctx, key)
		if err != nil || c == nil {
			d.log.Error("A canary without a manifest cannot be released", "canary", key.String(), "error", textOf(err))
			return nil
		}
		old = d.bare(c)
		old.since = sinceOf(c)
		// Whoever was to hear of its end hears of it over a restart, too.
		if notifier, _, err := d.notifierOf(gather(c, set)); err == nil {
			old.engine.Notifier = notifier
		} else {
			d.log.Error("Nobody hears of the end of a canary", "canary", key.String(), "error", err.Error())
		}
	}
	m := *old
	released := *old.engine
	released.Deleting = true
	m.engine = &released
	return &m
}

// gone forgets a canary that was released. Its target runs by itself from now on.
func (d *daemon) gone(key engine.Key) {
	ctx, cancel := context.WithTimeout(context.Background(), forgetting)
	defer cancel()
	d.applying.Lock()
	defer d.applying.Unlock()
	old := d.world.Load()
	if m, ok := old.members[key]; !ok || !m.engine.Deleting {
		return
	}
	// Whoever waited for the target or the service can have it now.
	err := d.put(ctx, old.set)
	if err != nil {
		d.log.Error("A released canary's service could not be tidied up", "canary", key.String(), "error", err.Error())
	}
	// The store told of the deletion when the canary was still to be seen.
	d.store.Feed().Publish(feed.Change{Kind: feed.StateDeleted, Namespace: key.Namespace, Name: key.Name})
	d.log.Info("The canary is released", "canary", key.String())
}

// runTargets tells the processes' supervisor which targets there are, and which of them no canary looks after.
func (d *daemon) runTargets(w *world) error {
	owned := map[targetKey]bool{}
	for _, m := range w.members {
		owned[m.target] = true
	}
	var errs []error
	for _, t := range w.set.Targets() {
		t.Plain = !owned[targetKey{Namespace: t.Namespace, Name: t.Name}]
		errs = append(errs, d.pods.Apply(t))
	}
	for _, key := range d.pods.Keys() {
		if _, still := w.set.Target(targetKey(key)); !still {
			errs = append(errs, d.pods.Remove(key.Namespace, key.Name))
		}
	}
	return errors.Join(errs...)
}

// tell logs what a world has that the one before had not: warnings of new canaries, and problems.
func (d *daemon) tell(old, w *world) {
	for _, warning := range w.set.Warnings() {
		if old.set == nil || !slices.Contains(old.set.Warnings(), warning) {
			d.log.Warn("Note on a manifest", "at", warning.String())
		}
	}
	for key, m := range w.members {
		was := old.members[key]
		if m.problem != "" && (was == nil || was.problem != m.problem) {
			d.log.Error("A canary cannot act", "canary", key.String(), "problem", m.problem)
		}
		for _, note := range m.notes {
			if was == nil || !slices.Contains(was.notes, note) {
				d.log.Warn("Note on a canary", "canary", key.String(), "note", note)
			}
		}
	}
}

// subjectOf names the target of a canary.
func subjectOf(c *v1beta1.Canary) targetKey {
	return targetKey{Namespace: c.Namespace, Name: c.Spec.TargetRef.Name}
}

// serviceKey names the service of a canary in the routing table.
func serviceKey(c *v1beta1.Canary) table.Key {
	return table.Key{Namespace: c.Namespace, Name: canaryspec.ServiceName(c)}
}
