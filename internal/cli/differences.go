package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/serin-dev/serin/internal/httpapi"
)

// differences compares objects by their fingerprints.
func differences(running, next []httpapi.Object) []difference {
	type identity struct{ kind, namespace, name string }
	of := func(o *httpapi.Object) identity { return identity{o.Kind, o.Namespace, o.Name} }
	digests := map[identity]string{}
	for i := range running {
		digests[of(&running[i])] = running[i].Digest
	}
	list := []difference{}
	add := func(change string, o *httpapi.Object) {
		list = append(list, difference{Change: change, Kind: o.Kind, Namespace: o.Namespace, Name: o.Name, File: o.File})
	}
	for i := range next {
		digest, known := digests[of(&next[i])]
		switch {
		case !known:
			add(added, &next[i])
		case digest != next[i].Digest:
			add(changed, &next[i])
		}
		delete(digests, of(&next[i]))
	}
	for i := range running {
		if _, left := digests[of(&running[i])]; left {
			add(removed, &running[i])
		}
	}
	slices.SortFunc(list, func(a, b difference) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return list
}

func (r *diffReport) print(w io.Writer, p paint) {
	for _, warning := range r.Warnings {
		fmt.Fprintln(w, p.warn("warning: ")+warning.String())
	}
	if len(r.Changes) == 0 {
		fmt.Fprintln(w, "Nothing would change.")
		return
	}
	t := &table{}
	for _, d := range r.Changes {
		tones := map[string]tone{added: p.good, changed: p.warn, removed: p.bad}
		t.add(cell{d.Change, tones[d.Change]}, cell{d.Kind, nil}, cell{d.Namespace + "/" + d.Name, nil}, cell{d.File, nil})
	}
	t.print(w, p)
	if len(r.Creates) > 0 {
		fmt.Fprintln(w, "\n"+p.bold("Canaries that would be set up, with what a later revision would go through:"))
	}
	for i := range r.Creates {
		writePlan(w, &r.Creates[i], p)
	}
	if len(r.Runs) > 0 {
		fmt.Fprintln(w, "\n"+p.bold("Runs that would begin:"))
	}
	for i := range r.Runs {
		fmt.Fprintf(w, "revision %s of ", short(r.Runs[i].Revision))
		writePlan(w, &r.Runs[i], p)
	}
}
