package settings

import (
	"context"
	"time"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
)

// Limits of silences. Those that ended long ago make room for new ones.
const (
	maxSilences   = 1000
	maxComment    = 1024
	maxSilenced   = 100 // endpoints
	keepSilences  = 90 * 24 * time.Hour
	forgetAtATime = 100
)

var silences = kept[peal.Silence]{
	Objects: directory.Silences, name: "silence",
	check: func(_ *Service, v *peal.Silence) error { return checkSilence(v) },
}

// CreateSilence makes a silence; one without a start starts now.
func (s *Service) CreateSilence(ctx context.Context, actor string, v peal.Silence) (*peal.Silence, error) {
	if err := s.forgetSilences(ctx, v.Org); err != nil {
		return nil, err
	}
	v.ID = peal.NewSilenceID(s.Now())
	return silences.put(ctx, s, actor, v.Org, v.ID.String(), func(now time.Time, _ *peal.Silence) (*peal.Silence, error) {
		if len(directory.Silences.All(s.Directory, v.Org)) >= maxSilences {
			return nil, peal.Errorf(peal.CodeConflict, "the org has %d silences, which is the most; delete some that ended", maxSilences)
		}
		if v.From.IsZero() {
			v.From = now
		}
		if !v.Until.After(now) {
			return nil, peal.Invalid("until", "until must be in the future")
		}
		v.CreatedBy, v.CreatedAt, v.UpdatedAt = actor, now, now
		return &v, nil
	})
}

// UpdateSilence changes a silence that has not ended.
func (s *Service) UpdateSilence(ctx context.Context, actor, org string, id peal.SilenceID, mutate func(*peal.Silence) error) (*peal.Silence, error) {
	return silences.update(ctx, s, actor, org, id.String(), func(now time.Time, v *peal.Silence) error {
		if v.Status(now) == peal.SilenceEnded {
			return peal.Errorf(peal.CodeConflict, "the silence has ended; make another")
		}
		v.UpdatedAt = now
		return mutate(v)
	})
}

// EndSilence ends a silence that is in force, which stays in the list, and deletes one
// that is not.
func (s *Service) EndSilence(ctx context.Context, actor, org string, id peal.SilenceID) error {
	v, ok := silences.Get(s.Directory, org, id.String())
	if !ok {
		return peal.NotFound(silences.name)
	}
	if v.Status(s.Now()) != peal.SilenceActive {
		return silences.delete(ctx, s, actor, org, id.String())
	}
	_, err := silences.update(ctx, s, actor, org, id.String(), func(now time.Time, v *peal.Silence) error {
		if v.Status(now) == peal.SilenceActive {
			// A silence must last; what is accepted in this microsecond is still held back.
			v.Until = laterOf(now, v.From.Add(time.Microsecond))
		}
		v.UpdatedAt = now
		return nil
	})
	return err
}

func laterOf(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// forgetSilences deletes some of those that ended long ago, so that they do not pile up
// in the memory of every node.
func (s *Service) forgetSilences(ctx context.Context, org string) error {
	return s.write(ctx, func(now time.Time) (w Write, err error) {
		for _, v := range directory.Silences.All(s.Directory, org) {
			if len(w.Rows) < forgetAtATime && v.Until.Add(keepSilences).Before(now) {
				w.Rows = append(w.Rows, s.tombstone(silences.Kind, org, v.ID.String()))
			}
		}
		return w, nil
	})
}

func checkSilence(v *peal.Silence) error {
	switch {
	case !v.Until.After(v.From):
		return peal.Invalid("until", "until must be after from")
	case len(v.Comment) > maxComment:
		return peal.Invalid("comment", "comment is at most %d bytes", maxComment)
	case len(v.Endpoints) > maxSilenced:
		return peal.Invalid("match.endpoints", "at most %d endpoints", maxSilenced)
	}
	return checkMatch(&v.Match)
}
