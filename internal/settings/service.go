package settings

import (
	"context"
	"encoding/json"
	"time"

	"github.com/peal-dev/peal/internal/channel"
	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/inbound/scheme"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/profile"
	"github.com/peal-dev/peal/internal/secret"
)

// SystemActor is how Peal itself is written in the audit trail.
const SystemActor = "system"

// Config is what a Service stands on.
type Config struct {
	Store     Store
	Directory *directory.Directory
	// Ring seals what is private; the directory must open with the same.
	Ring     *secret.Keyring
	Profiles *profile.Set
	Channels *channel.Set
	// Workflows and Schemes check what workflows and hooks say.
	Workflows Workflows
	Schemes   *scheme.Set
	// Now is database time.
	Now func() time.Time
	// AllowsWebhooks tells whether orgs of a plan may have webhook endpoints.
	AllowsWebhooks func(plan string) bool
}

// Service changes the configuration. It is safe for concurrent use.
type Service struct{ Config }

// New makes a Service.
func New(c Config) *Service { return &Service{Config: c} }

// writeTries bounds how often a change is planned again because others changed the
// same rows.
const writeTries = 5

// write plans a change against the directory and writes it, again after a refresh
// while the rows move. A plan without rows writes nothing. The store's last conflict is
// the answer where it does not end.
func (s *Service) write(ctx context.Context, plan func(now time.Time) (Write, error)) error {
	var conflict error
	for range writeTries {
		now := s.Now().UTC()
		w, err := plan(now)
		if err != nil || len(w.Rows) == 0 {
			return err
		}
		_, err = s.Store.Write(ctx, w)
		if err == nil {
			// The change is made, so that an error here must not deny it; the directory's
			// own polling makes up for it and logs what is wrong.
			_ = s.Directory.Refresh(ctx)
			return nil
		}
		if conflict = err; peal.CodeOf(err) != peal.CodeConflict {
			return err
		}
		if err := s.Directory.Refresh(ctx); err != nil {
			return err
		}
	}
	return conflict
}

// Audit lists the org's audit entries, the newest first, with the next page's cursor.
func (s *Service) Audit(ctx context.Context, org string, p peal.Page) ([]AuditEntry, string, error) {
	return s.Store.Audit(ctx, org, p.Clamp())
}

// Record writes an audit entry for what people do outside of the configuration, such as
// retrying a delivery. It comes before the deed, so that a crash cannot hide it.
func (s *Service) Record(ctx context.Context, org, actor, action, object string, detail any) error {
	audit, err := record(s.Now().UTC(), org, actor, action, object, detail)
	if err != nil {
		return err
	}
	_, err = s.Store.Write(ctx, Write{Audit: audit})
	return err
}

// record is the audit entry of a change. The detail never holds secrets.
func record(now time.Time, org, actor, action, object string, detail any) ([]AuditEntry, error) {
	e := AuditEntry{Time: now, Org: org, Actor: actor, Action: action, Object: object}
	if detail != nil {
		var err error
		if e.Detail, err = json.Marshal(detail); err != nil {
			return nil, err
		}
	}
	return []AuditEntry{e}, nil
}

// changedFields is the detail of an update.
type changedFields struct {
	Fields []string `json:"fields"`
}

// row makes the row of an object without a private part.
func row(kind, org, id string, object any) (directory.Row, error) {
	doc, err := json.Marshal(object)
	if err != nil {
		return directory.Row{}, peal.Wrap(peal.CodeInternal, err, "the object cannot be written")
	}
	return directory.Row{Kind: kind, Org: org, ID: id, Doc: doc}, nil
}

// tombstone deletes a row at the version that the directory has.
func (s *Service) tombstone(kind, org, id string) Put {
	return Put{
		Row:    directory.Row{Kind: kind, Org: org, ID: id, Deleted: true},
		Expect: s.Directory.RowVersion(kind, org, id),
	}
}

// org finds the org that a change belongs to.
func (s *Service) org(id string) (peal.Org, error) {
	o, ok := s.Directory.Org(id)
	if !ok {
		return o, peal.NotFound("org")
	}
	return o, nil
}

const maxNameLen = 256

func checkName(field, name string) error {
	if len(name) > maxNameLen || !peal.Printable(name) {
		return peal.Invalid(field, "%s is at most %d bytes without control characters", field, maxNameLen)
	}
	return nil
}
