package feed_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/serin-dev/serin/internal/feed"
)

func publish(f *feed.Feed, names ...string) {
	for _, name := range names {
		f.Publish(feed.Change{Kind: feed.StateSaved, Name: name})
	}
}

func state(id uint64, name string) feed.Change {
	return feed.Change{ID: id, Kind: feed.StateSaved, Name: name}
}

func TestSubscribe(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason        string
		before, since []string
		after         uint64
		want          []feed.Change
	}{
		"FromNow": {
			reason: "a new subscriber gets only what comes after it",
			before: []string{"a", "b"}, since: []string{"c"},
			want: []feed.Change{state(102, "c")},
		},
		"Resumed": {
			reason: "a subscriber that comes back gets what it does not have",
			before: []string{"a", "b", "c"}, after: 100,
			want: []feed.Change{state(101, "b"), state(102, "c")},
		},
		"BeforeTheFirst": {
			reason: "the ID before the first one is the beginning, not a loss",
			before: []string{"a"}, after: 99,
			want: []feed.Change{state(100, "a")},
		},
		"TooSlow": {
			reason: "a subscriber that falls behind is told how much it lost and goes on with what there is",
			since:  []string{"a", "b", "c", "d", "e", "f"},
			want: []feed.Change{
				{ID: 101, Kind: feed.Missed, Lost: 2},
				state(102, "c"), state(103, "d"), state(104, "e"), state(105, "f"),
			},
		},
		"AnotherDaemon": {
			reason: "an ID of an earlier daemon says nothing about what was missed",
			before: []string{"a"}, after: 7, since: []string{"b"},
			want: []feed.Change{{ID: 100, Kind: feed.Missed}, state(101, "b")},
		},
		"Future": {
			reason: "an ID that was never given says nothing about what was missed",
			before: []string{"a"}, after: 100_000, since: []string{"b"},
			want: []feed.Change{{ID: 100, Kind: feed.Missed}, state(101, "b")},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := feed.New(feed.Options{Size: 4, First: 100})
			publish(f, tc.before...)
			s := f.Subscribe(tc.after)
			publish(f, tc.since...)
			var got []feed.Change
			for range tc.want {
				c, err := s.Next(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, c)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			ended, cancel := context.WithCancel(t.Context())
			cancel()
			if c, err := s.Next(ended); !errors.Is(err, context.Canceled) {
				t.Errorf("Next after the last change = %v, %v; want nothing more", c, err)
			}
		})
	}
}

func TestEveryReaderSeesEverythingInOrder(t *testing.T) {
	t.Parallel()
	const changes, readers = 200, 4
	f := feed.New(feed.Options{Size: changes})
	var group sync.WaitGroup
	for range readers {
		s := f.Subscribe(0)
		group.Go(func() {
			for want := uint64(1); want <= changes; want++ {
				c, err := s.Next(t.Context())
				if err != nil || c.ID != want {
					t.Errorf("Next = %+v, %v; want change %d", c, err, want)
					return
				}
			}
		})
	}
	for range changes {
		publish(f, "a")
	}
	group.Wait()
}
