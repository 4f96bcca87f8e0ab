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

var eventTypes = kept[peal.EventType]{
	Objects: directory.EventTypes, name: "event type",
	check: func(_ *Service, t *peal.EventType) error { return checkEventType(t) },
}

// PutEventType registers a type of the org, or replaces it. From then on events of
// the type must fit the schema, as the example must already.
func (s *Service) PutEventType(ctx context.Context, actor string, t peal.EventType) (*peal.EventType, error) {
	return eventTypes.put(ctx, s, actor, t.Org, t.Name, func(now time.Time, old *peal.EventType) (*peal.EventType, error) {
		t.CreatedAt, t.UpdatedAt = now, now
		if old != nil {
			t.CreatedAt = old.CreatedAt
		}
		return &t, nil
	})
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
	return eventTypes.delete(ctx, s, actor, org, name)
}
