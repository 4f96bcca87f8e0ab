package ledger

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// write is the transaction of a group of works.
func (l *Ledger) write(tx *store.Tx, items []*work) error {
	g := governance.NewGroup()
	// Names first, then reservations, then meters and memories, each in one order: two
	// groups wait for each other, but never in a circle.
	if err := l.claimIDs(tx, items); err != nil {
		return err
	}
	if err := l.readReservations(tx, items); err != nil {
		return err
	}
	for _, w := range items {
		g.Need(w.Work)
	}
	if err := l.sql.readMeters(tx, g.Meters); err != nil {
		return err
	}
	if err := l.sql.readMemories(tx, g.Memories); err != nil {
		return err
	}
	for _, w := range items {
		w.err, w.known = nil, nil
		if err := g.Apply(w.Work); err != nil {
			return err
		}
		if c := w.Close; c != nil {
			w.err = c.Err
		}
		if c := w.Credit; c != nil {
			w.err = c.Err
		}
	}
	if err := g.Finish(); err != nil {
		return err
	}
	err := errors.Join(l.writeMeters(tx, g), writeMemories(tx, g), l.writeRollups(tx, g), writeReservations(tx, g), writeCredits(tx, g))
	if err != nil {
		return err
	}
	items[0].known, err = l.tell(tx, g)
	return err
}

// idHash names a record's id within its org.
func idHash(org, id string) string {
	sum := sha256.Sum256([]byte(org + "\x00" + id))
	return string(sum[:16])
}

// claimIDs marks the records whose ids were counted before, in the group too.
func (l *Ledger) claimIDs(tx *store.Tx, items []*work) error {
	claims := map[string]*claim{}
	for _, w := range items {
		if w.Usage == nil {
			continue
		}
		w.Usage.Duplicates = 0
		for i := range w.Usage.Records {
			r := &w.Usage.Records[i]
			r.Duplicate = false
			if r.ID == "" {
				continue
			}
			hash := idHash(w.Plan.Org, r.ID)
			if claims[hash] != nil {
				r.Duplicate = true
				w.Usage.Duplicates++
				continue
			}
			claims[hash] = &claim{w.Usage, r, store.Micros(w.Usage.Expires), store.Micros(w.Now)}
		}
	}
	if len(claims) == 0 {
		return nil
	}
	return l.sql.claim(tx, claims)
}

// claim is a record whose id is not yet known to be new.
type claim struct {
	usage        *governance.Usage
	record       *governance.Record
	expires, now int64
}

func (c *claim) lost() {
	c.record.Duplicate = true
	c.usage.Duplicates++
}

// readReservations reads, and locks, what is to be closed.
func (l *Ledger) readReservations(tx *store.Tx, items []*work) error {
	found := map[reservationID]*governance.Reservation{}
	for _, w := range items {
		if w.Close != nil {
			found[reservationID{w.Plan.Org, w.Close.ID}] = nil
		}
	}
	if len(found) == 0 {
		return nil
	}
	if err := l.sql.readReservations(tx, found); err != nil {
		return err
	}
	for _, w := range items {
		if w.Close != nil {
			w.Close.Reservation = found[reservationID{w.Plan.Org, w.Close.ID}]
		}
	}
	return nil
}

type reservationID struct {
	org string
	id  peal.ReservationID
}

func parseReservation(doc string) (*governance.Reservation, error) {
	r := &governance.Reservation{}
	return r, json.Unmarshal([]byte(doc), r)
}

var putMeters = store.NewMany(
	`INSERT INTO meter (org, scope, ref, period, start, requests, tokens, cost, held_requests, held_tokens, held_cost, granted)`, "ttttiiiiiiii",
	`ON CONFLICT (org, scope, ref, period, start) DO UPDATE SET requests = excluded.requests, tokens = excluded.tokens, cost = excluded.cost,
		held_requests = excluded.held_requests, held_tokens = excluded.held_tokens, held_cost = excluded.held_cost, granted = excluded.granted`)

func (l *Ledger) writeMeters(tx *store.Tx, g *governance.Group) error {
	var rows []any
	for _, id := range sorted(g.Meters, governance.MeterID.Compare) {
		if m := g.Meters[id]; m.Changed {
			rows = append(rows, id.Org, string(id.Scope), id.Ref, string(id.Period), id.Start, m.Requests, m.Tokens, int64(m.Cost),
				m.HeldRequests, m.HeldTokens, int64(m.HeldCost), int64(m.Granted))
		}
	}
	return tx.Many(putMeters, rows)
}

var putMemories = store.NewMany(`INSERT INTO memory (org, rule, subject, doc, day)`, "tttti",
	`ON CONFLICT (org, rule, subject) DO UPDATE SET doc = excluded.doc, day = excluded.day`)

func writeMemories(tx *store.Tx, g *governance.Group) error {
	var rows []any
	for _, id := range sorted(g.Memories, compareMemories) {
		if m := g.Memories[id]; m.Changed {
			rows = append(rows, id.Org, id.Rule, id.Subject, string(m.Doc), dayOf(g.Now()))
		}
	}
	return tx.Many(putMemories, rows)
}

func compareMemories(a, b governance.MemoryID) int {
	return strings.Compare(a.Org+"\x00"+a.Rule+"\x00"+a.Subject, b.Org+"\x00"+b.Rule+"\x00"+b.Subject)
}

var addRollups = store.NewMany(
	`INSERT INTO usage_rollup (org, hour, hash, session, team, key, agent, "user", route, model, requests, failed, tokens, cost, failed_cost)`, "tibittttttiiiii",
	`ON CONFLICT (org, hour, hash, session) DO UPDATE SET requests = `+rollupSum("requests")+`, failed = `+rollupSum("failed")+
		`, tokens = `+rollupSum("tokens")+`, cost = `+rollupSum("cost")+`, failed_cost = `+rollupSum("failed_cost"))

// rollupSum adds to a sum of what is not negative, which stays at the largest number there is.
func rollupSum(column string) string {
	const largest = "9223372036854775807"
	old, added := "usage_rollup."+column, "excluded."+column
	return "CASE WHEN " + old + " > " + largest + " - " + added + " THEN " + largest + " ELSE " + old + " + " + added + " END"
}

// writeRollups adds to the session's own rows, so that no node waits for another.
func (l *Ledger) writeRollups(tx *store.Tx, g *governance.Group) error {
	if len(g.Rollups) == 0 {
		return nil
	}
	session := l.sql.rollupSession()
	rows := make([]any, 0, 15*len(g.Rollups))
	for id, r := range g.Rollups {
		hash := sha256.Sum256([]byte(strings.Join([]string{id.Team, id.Key, id.Agent, id.User, id.Route, id.Model}, "\x00")))
		rows = append(rows, id.Org, id.Hour, hash[:16], session, id.Team, id.Key, id.Agent, id.User, id.Route, id.Model,
			r.Requests, r.Failed, r.Tokens, int64(r.Cost), int64(r.FailedCost))
	}
	return tx.Many(addRollups, rows)
}

var putReservations = store.NewMany(`INSERT INTO reservation (org, id, status, expires, approval, doc)`, "tbtiit",
	`ON CONFLICT (org, id) DO UPDATE SET status = excluded.status, expires = excluded.expires, doc = excluded.doc`)

func writeReservations(tx *store.Tx, g *governance.Group) error {
	var rows []any
	written := map[reservationID]bool{}
	for _, r := range g.Reservations {
		id := reservationID{r.Org, r.ID}
		if written[id] {
			continue // it is one and the same, and has its last state
		}
		written[id] = true
		doc, err := json.Marshal(r)
		if err != nil {
			return err
		}
		approval := int64(0)
		if r.NeedsApproval {
			approval = 1
		}
		rows = append(rows, r.Org, r.ID[:], string(r.Status), store.Micros(r.ExpiresAt), approval, string(doc))
	}
	return tx.Many(putReservations, rows)
}

var addCredits = store.NewMany(`INSERT INTO credit_entry (org, id, time, amount, balance, note, actor)`, "tbiiitt", "")

func writeCredits(tx *store.Tx, g *governance.Group) error {
	var rows []any
	for _, e := range g.Credits {
		rows = append(rows, e.Org, e.ID[:], store.Micros(e.Time), int64(e.Amount), int64(e.Balance), e.Note, e.Actor)
	}
	return tx.Many(addCredits, rows)
}

// tell raises what was not told yet, and gives what was.
func (l *Ledger) tell(tx *store.Tx, g *governance.Group) (known []governance.AlertID, err error) {
	var alerts []*governance.Alert
	for i := range g.Alerts {
		if _, known := l.told[g.Alerts[i].AlertID]; !known {
			alerts = append(alerts, &g.Alerts[i])
		}
	}
	fired, err := l.sql.remember(tx, alerts, store.Micros(g.Now()))
	if err != nil {
		return nil, err
	}
	raised := g.Raised
	for _, a := range alerts {
		switch {
		case a.Over:
		case fired[a.AlertID]:
			event, err := a.Event()
			if err != nil {
				return nil, err
			}
			raised = append(raised, event)
		default:
			known = append(known, a.AlertID)
		}
	}
	return known, store.AddRaised(tx, raised)
}

func sorted[K comparable, V any](m map[K]V, compare func(K, K) int) []K {
	return slices.SortedFunc(maps.Keys(m), compare)
}
