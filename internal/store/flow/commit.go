package flow

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
	"github.com/peal-dev/peal/internal/workflow"
)

// commit is a workflow.Commit in the writer's lane. A run of its group decides everything
// anew; only Settle lets the caller see it.
type commit struct {
	*workflow.Commit
	f     *Flow
	first peal.ExecutionID // of the delivery; the own id where it is new
}

func (c *commit) Rows() int { return 2 }

func (c *commit) Bytes() int { return len(c.Execution.Input) + 512 }

// Owner is the org, so that a burst of one leaves room for the others.
func (c *commit) Owner() string { return c.Execution.Org }

// Settle tells the engine.
func (c *commit) Settle(err error) {
	e := c.Execution
	unknown := errors.Is(err, store.ErrUnknown)
	if err == nil {
		c.First, c.Duplicate = c.first, c.first != e.ID
	}
	if c.Owned && (unknown || err == nil && !c.Duplicate) {
		c.f.own(e.Org, e.ID)
	}
	if err == nil && !c.Duplicate {
		c.f.mu.Lock()
		if len(c.f.known) >= maxKnown {
			clear(c.f.known)
		}
		c.f.known[c.version()] = true
		c.f.mu.Unlock()
	}
	c.Done(err)
}

func (c *commit) version() version { return version{c.Execution.Workflow, c.Execution.Version} }

// Submit implements workflow.Store.
func (f *Flow) Submit(c *workflow.Commit) error { return f.commits.Add(&commit{Commit: c, f: f}) }

var insertExecutions = store.NewMany(`INSERT INTO execution
	(org, id, workflow, workflow_name, version, hook, status, owner, due_at, input)`, "tbbtibtiib", "")

const (
	// A name that has expired is free again.
	nameDelivery = `INSERT INTO hook_delivery (hook, delivery, execution, expires) VALUES (?1, ?2, ?3, ?4)
		ON CONFLICT (hook, delivery) DO UPDATE SET execution = excluded.execution, expires = excluded.expires
		WHERE hook_delivery.expires <= ?5 RETURNING execution`
	readDelivery  = "SELECT execution FROM hook_delivery WHERE hook = ? AND delivery = ?"
	insertVersion = "INSERT INTO workflow_version (org, workflow, version, definition) VALUES (?, ?, ?, ?) ON CONFLICT (org, workflow, version) DO NOTHING"
)

// writeCommits is the transaction of a group.
func (f *Flow) writeCommits(tx *store.Tx, items []*commit) error {
	if err := f.nameDeliveries(tx, items); err != nil {
		return err
	}
	if err := f.writeVersions(tx, items); err != nil {
		return err
	}
	session := f.db.Session()
	rows := make([]any, 0, 10*len(items))
	for _, c := range items {
		e := c.Execution
		if c.first != e.ID {
			continue
		}
		var owner, hook any
		if c.Owned {
			owner = session
		}
		if !e.Hook.IsZero() {
			hook = e.Hook[:]
		}
		rows = append(rows, e.Org, e.ID[:], e.Workflow[:], e.WorkflowName, int64(e.Version), hook, string(peal.ExecutionQueued),
			owner, store.Micros(c.Now), []byte(e.Input))
	}
	return tx.Many(insertExecutions, rows)
}

// nameDeliveries finds out which executions are new. Names are taken in one order, so
// that no two nodes wait for each other.
func (f *Flow) nameDeliveries(tx *store.Tx, items []*commit) error {
	var named []*commit
	for _, c := range items {
		if c.first = c.Execution.ID; c.Delivery != "" {
			named = append(named, c)
		}
	}
	slices.SortStableFunc(named, func(a, b *commit) int {
		if n := bytes.Compare(a.Execution.Hook[:], b.Execution.Hook[:]); n != 0 {
			return n
		}
		return strings.Compare(a.Delivery, b.Delivery)
	})
	taken := make([]bool, len(named))
	for i, c := range named {
		e := c.Execution
		err := tx.Ask(func(store.Row) error {
			taken[i] = true
			return nil
		}, nameDelivery, e.Hook[:], c.Delivery, e.ID[:], store.Micros(c.Expires), store.Micros(c.Now))
		if err != nil {
			return err
		}
	}
	if err := tx.Flush(); err != nil {
		return err
	}
	for i, c := range named {
		if taken[i] {
			continue
		}
		// The name is another's: of an earlier one, or of this group.
		err := tx.Ask(func(r store.Row) error {
			c.first = executionID(r.Blob(0))
			return nil
		}, readDelivery, c.Execution.Hook[:], c.Delivery)
		if err != nil {
			return err
		}
	}
	return tx.Flush()
}

func (f *Flow) writeVersions(tx *store.Tx, items []*commit) error {
	f.mu.Lock()
	fresh := map[version]*commit{}
	for _, c := range items {
		if v := c.version(); c.first == c.Execution.ID && !f.known[v] {
			fresh[v] = c
		}
	}
	f.mu.Unlock()
	ordered := make([]*commit, 0, len(fresh))
	for _, c := range fresh {
		ordered = append(ordered, c)
	}
	slices.SortFunc(ordered, func(a, b *commit) int {
		if n := bytes.Compare(a.Execution.Workflow[:], b.Execution.Workflow[:]); n != 0 {
			return n
		}
		return a.Execution.Version - b.Execution.Version
	})
	for _, c := range ordered {
		e := c.Execution
		if err := tx.Send(insertVersion, e.Org, e.Workflow[:], int64(e.Version), []byte(c.Definition)); err != nil {
			return err
		}
	}
	return nil
}
