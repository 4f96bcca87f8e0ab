package directory

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/peal-dev/peal/internal/filter"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/schedule"
	"github.com/peal-dev/peal/internal/secret"
)

// parsed is a row that was decoded, opened and compiled before anybody waits for it.
// At most one of the entries is set; a row that is deleted has none.
type parsed struct {
	row      Row
	org      *orgEntry
	key      *keyEntry
	endpoint *endpointEntry
	object   *object
}

// read decodes rows. What cannot be read is logged and left out, but for endpoints,
// which are kept as disabled.
func (d *Directory) read(rows []Row) []parsed {
	out := make([]parsed, 0, len(rows))
	for _, row := range rows {
		p := parsed{row: row}
		if !row.Deleted {
			if err := d.parse(&p); err != nil {
				d.log.Error("a row of the configuration cannot be read", "kind", row.Kind, "org", row.Org, "id", row.ID, "error", err)
			}
		}
		out = append(out, p)
	}
	return out
}

func (d *Directory) parse(p *parsed) error {
	row := &p.row
	switch row.Kind {
	case KindOrg:
		var o peal.Org
		if err := json.Unmarshal(row.Doc, &o); err != nil {
			return err
		}
		p.org = newOrgEntry(row, o)
	case KindKey:
		var k peal.Key
		if err := json.Unmarshal(row.Doc, &k); err != nil {
			return err
		}
		if len(k.Hash) != 32 {
			return fmt.Errorf("the key's hash has %d bytes", len(k.Hash))
		}
		p.key = &keyEntry{rowPlace(row), k}
	case KindEndpoint:
		return d.parseEndpoint(p)
	default:
		r, ok := readerOf(row.Kind)
		if !ok {
			return fmt.Errorf("unknown kind %q", row.Kind)
		}
		var err error
		p.object, err = r.read(d, row)
		return err
	}
	return nil
}

func (d *Directory) parseEndpoint(p *parsed) error {
	row := &p.row
	id, err := peal.ParseEndpointID(row.ID)
	if err != nil {
		return err
	}
	ep := &peal.Endpoint{}
	e := &endpointEntry{place: rowPlace(row), endpoint: ep}
	p.endpoint = e
	unreadable := func(reason string, err error) error {
		e.broken = reason
		ep.Status, ep.StatusReason = peal.Disabled, reason
		return err
	}
	err = json.Unmarshal(row.Doc, ep)
	if err == nil && (ep.ID != id || ep.Org != row.Org) {
		err = errors.New("the document is another endpoint's")
	}
	if err == nil {
		err = checkPatterns(ep.Events)
	}
	if err != nil {
		*ep = peal.Endpoint{ID: id, Org: row.Org}
		e.deaf = true
		return unreadable("its settings cannot be read", err)
	}
	if ep.MuteHours != nil {
		if e.muted, err = schedule.ParseHours(ep.MuteHours); err != nil {
			return unreadable("its mute hours cannot be read", err)
		}
	}
	if ep.Digest != nil {
		if e.digest, err = schedule.ParseCron(ep.Digest.Schedule, ep.Digest.TimeZone); err != nil {
			return unreadable("its digest's schedule cannot be read", err)
		}
	}
	if ep.Filter != "" {
		e.filter = sync.OnceValue(func() *filter.Program { return d.compileFilter(ep) })
	}
	ep.Private, err = d.openPrivate(id, row)
	switch {
	case errors.Is(err, secret.ErrUnknownKey):
		return unreadable("its secrets were sealed with another encryption key", fmt.Errorf("%w: %s", err, lostKey))
	case err != nil:
		return unreadable("its secrets cannot be opened", fmt.Errorf("the endpoint is disabled, its private part is damaged: %w", err))
	}
	return nil
}

// lostKey is what to do where a key file was lost, which makes a new one.
const lostKey = "the endpoint is disabled, since it was made with another encryption key; " +
	"start with that key (encryption-key, or the file .key beside the database), or delete the endpoint and make it anew"

// compileFilter gives nil for a filter that was fine when it was stored and no longer is.
func (d *Directory) compileFilter(ep *peal.Endpoint) *filter.Program {
	program, err := filter.Compile(ep.Filter)
	if err != nil {
		d.log.Error("a filter cannot be compiled; its endpoint takes nothing", "org", ep.Org, "endpoint", ep.ID, "error", err)
	}
	return program
}

// compileSchema gives nil, which takes everything, for a schema that no longer is one.
func (d *Directory) compileSchema(t *peal.EventType) *Schema {
	schema, err := CompileSchema(t.Schema)
	if err != nil {
		d.log.Error("a schema cannot be compiled; events of its type are not checked", "org", t.Org, "type", t.Name, "error", err)
	}
	return schema
}

func checkPatterns(patterns []peal.Pattern) error {
	for _, p := range patterns {
		if err := peal.CheckPattern(string(p)); err != nil {
			return err
		}
	}
	return nil
}

func (d *Directory) openPrivate(id peal.EndpointID, row *Row) (peal.Private, error) {
	if len(row.Sealed) == 0 {
		return peal.Private{}, nil
	}
	plain, err := d.ring.Open(row.Sealed, SealedFor(KindEndpoint, row.Org, id.String()))
	if err != nil {
		return peal.Private{}, err
	}
	var private peal.Private
	// A decoder's error may quote what it read.
	if json.Unmarshal(plain, &private) != nil {
		return peal.Private{}, errors.New("the private part is not what it should be")
	}
	return private, nil
}
