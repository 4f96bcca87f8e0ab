package settings

import (
	"context"
	"encoding/json"
	"time"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
)

const (
	maxDescription = 4096
	maxExample     = directory.MaxSchemaSize
)

// PutEventType registers a type of the org, or replaces it. From then on events of
// the type must fit the schema, as the example must already.
func (s *Service) PutEventType(ctx context.Context, actor string, t peal.EventType) (peal.EventType, error) {
	if err := checkEventType(&t); err != nil {
		return t, err
	}
	err := s.write(ctx, func(now time.Time) (Write, error) {
		if _, err := s.org(t.Org); err != nil {
			return Write{}, err
		}
		version := s.Directory.RowVersion(directory.KindEventType, t.Org, t.Name)
		action := "event_type.created"
		t.CreatedAt, t.UpdatedAt = now, now
		if old, ok := s.Directory.EventType(t.Org, t.Name); ok {
			action = "event_type.updated"
			t.CreatedAt = old.CreatedAt
		}
		r, err := row(directory.KindEventType, t.Org, t.Name, t)
		if err != nil {
			return Write{}, err
		}
		audit, err := record(now, t.Org, actor, action, t.Name, nil)
		return Write{Rows: []Put{{Row: r, Expect: version}}, Audit: audit}, err
	})
	return t, err
}

func checkEventType(t *peal.EventType) error {
	if err := peal.CheckType(t.Name); err != nil {
		return err
	}
	if len(t.Description) > maxDescription {
		return peal.Invalid("description", "description is at most %d bytes", maxDescription)
	}
	schema, err := directory.CompileSchema(t.Schema)
	if err != nil {
		return err
	}
	if len(t.Example) == 0 {
		return nil
	}
	if len(t.Example) > maxExample || !json.Valid(t.Example) {
		return peal.Invalid("example", "example is JSON of at most %d bytes", maxExample)
	}
	return schema.Check("example", t.Example)
}

// DeleteEventType forgets a type; events of it are no longer checked.
func (s *Service) DeleteEventType(ctx context.Context, actor, org, name string) error {
	return s.write(ctx, func(now time.Time) (Write, error) {
		put := s.tombstone(directory.KindEventType, org, name)
		if _, ok := s.Directory.EventType(org, name); !ok {
			return Write{}, peal.NotFound("event type")
		}
		audit, err := record(now, org, actor, "event_type.deleted", name, nil)
		return Write{Rows: []Put{put}, Audit: audit}, err
	})
}
