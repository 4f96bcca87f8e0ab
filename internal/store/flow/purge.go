package flow

import (
	"context"
	"time"

	"github.com/peal-dev/peal/internal/janitor"
	"github.com/peal-dev/peal/internal/store"
)

const (
	// purgeChunk is how many rows one transaction of the janitor looks at.
	purgeChunk = 200
	// purgeTries is how many kinds of rows it looks at for one that has any.
	purgeTries = 64
)

// purger is where the janitor has got to. Its steps take turns, so that much of one kind
// does not keep the others.
type purger struct {
	turn int
	idle int // how many steps in a row had nothing to do
	// places are where walks go on, by step, so that rows that have to stay are passed by
	// once a round.
	places map[string]place
}

// place is what a walk goes on behind; zero is the beginning.
type place struct {
	org     string
	at      int64
	id      []byte
	version int64
}

// purgeStep deletes a chunk of one kind. It tells how many rows it deleted and where to
// go on, which is zero at the end.
type purgeStep struct {
	name string
	run  func(tx *store.Tx, from place) (n int, next place, err error)
}

// Purge implements janitor.Store. Executions and what hooks refused are kept as long as
// deliveries are, requests and tasks as long as events.
func (f *Flow) Purge(ctx context.Context, r janitor.Retention, now time.Time) (n int, err error) {
	steps := f.purgeSteps(r, now)
	p := &f.purger
	var turn, idle int
	var moved map[string]place
	err = f.db.WriteIdle(ctx, func(tx *store.Tx) error {
		n, turn, idle, moved = 0, p.turn, p.idle, map[string]place{}
		mine, err := tx.Owns(store.Janitor)
		if err != nil || !mine {
			idle = len(steps)
			return err
		}
		for range purgeTries {
			if idle >= len(steps) {
				return nil
			}
			s := steps[turn%len(steps)]
			var next place
			if n, next, err = s.run(tx, p.places[s.name]); err != nil {
				return err
			}
			moved[s.name], turn, idle = next, turn+1, idle+1
			if n > 0 || next.id != nil {
				idle = 0
				return nil
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for name, next := range moved {
		if p.places[name] = next; next.id == nil {
			delete(p.places, name)
		}
	}
	if p.turn, p.idle = turn%len(steps), idle; idle >= len(steps) {
		p.idle = 0
		return 0, nil
	}
	return max(n, 1), nil // rows that were looked at, and kinds that are left, count too
}

func (f *Flow) purgeSteps(r janitor.Retention, now time.Time) []purgeStep {
	steps := []purgeStep{
		{"hook_delivery", func(tx *store.Tx, _ place) (int, place, error) {
			n, err := tx.Exec(oldNames, store.Micros(now), int64(purgeChunk))
			return int(n), place{}, err
		}},
		{"workflow_version", func(tx *store.Tx, from place) (int, place, error) {
			return purgeVersions(tx, from, now, now.Add(-r.Deliveries))
		}},
	}
	for _, s := range shelves {
		all := s.keep(r.Deliveries, r.Events)
		steps = append(steps, purgeStep{s.table, func(tx *store.Tx, from place) (int, place, error) {
			return f.purgeAll(tx, s, from, now.Add(-all))
		}})
		for _, o := range r.Orgs {
			if keep := s.keep(o.Deliveries, o.Events); keep > 0 && keep < all {
				steps = append(steps, purgeStep{s.table + " " + o.Org, func(tx *store.Tx, from place) (int, place, error) {
					return f.purgeOrg(tx, s, o.Org, from, now.Add(-keep))
				}})
			}
		}
	}
	return steps
}

// A name that was taken anew meanwhile is no longer old.
const oldNames = `DELETE FROM hook_delivery WHERE (hook, delivery) IN
	(SELECT hook, delivery FROM hook_delivery WHERE expires <= ?1 ORDER BY expires LIMIT ?2) AND expires <= ?1`
