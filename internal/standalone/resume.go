package standalone

import (
	"context"
	"errors"

	"github.com/serin-dev/serin/internal/engine"
	"github.com/serin-dev/serin/internal/standalone/manifest"
	"github.com/serin-dev/serin/internal/xds/table"
)

// resume makes a world of what the store remembers, for a start at which the manifests cannot be used. Its canaries
// route to what they have promoted and do nothing else until the manifests are mended. It is false where there are
// none: then nobody is served yet, and an error is better than a daemon that does nothing.
func (d *daemon) resume(ctx context.Context, why error) (serving bool, err error) {
	d.applying.Lock()
	defer d.applying.Unlock()
	known, err := d.store.Keys(ctx)
	if err != nil {
		return false, err
	}
	w := &world{set: new(manifest.Set), members: map[engine.Key]*member{}, services: map[table.Key]backing{}}
	for _, key := range known {
		c, err := d.remembered(ctx, key)
		if err != nil {
			return false, err
		}
		if c != nil {
			w.members[key] = d.bare(c)
		}
	}
	if len(w.members) == 0 {
		return false, nil
	}
	services, err := d.route(ctx, w)
	if err != nil {
		return false, err
	}
	canaries := make(map[engine.Key]*engine.Canary, len(w.members))
	for key, m := range w.members {
		m.block("the manifests cannot be used: correct them and the canary goes on")
		canaries[key] = m.engine
	}
	d.problem.Store(&why)
	d.world.Store(w)
	d.wanted.replace(canaries)
	return true, errors.Join(d.publish(ctx, &world{}, w, services))
}
