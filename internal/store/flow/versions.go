package flow

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/store"
)

// versionLag is how long after a version was superseded a node may still begin executions
// with it, more than generously.
const versionLag = time.Hour

const (
	versionsQuery = `SELECT org, workflow, version, superseded_at FROM workflow_version
		WHERE (org, workflow, version) > (?1, ?2, ?3) ORDER BY org, workflow, version LIMIT ?4`
	// All that began with a version did so before an id.
	usedVersion = "SELECT 1 FROM execution WHERE org = ? AND workflow = ? AND id < ? AND version = ? LIMIT 1"
)

// purgeVersions deletes the texts that no execution can run any more: those of a version
// that was superseded long enough ago that few executions are left to look at, none of
// which began with it.
func purgeVersions(tx *store.Tx, from place, now, before time.Time) (n int, next place, err error) {
	if from.id == nil {
		from.id = []byte{}
	}
	var rows []place
	err = tx.Query(func(r store.Row) error {
		rows = append(rows, place{org: r.Text(0), id: bytes.Clone(r.Blob(1)), version: r.Int(2), at: r.Int(3)})
		return nil
	}, versionsQuery, from.org, from.id, from.version, int64(purgeChunk))
	if err != nil {
		return 0, place{}, err
	}
	var known place // the workflow of the row before, with its newest version
	for _, row := range rows {
		if known.org != row.org || !bytes.Equal(known.id, row.id) {
			known = place{org: row.org, id: row.id}
			if known.version, err = newestVersion(tx, row.org, peal.WorkflowID(row.id)); err != nil {
				return 0, place{}, err
			}
		}
		switch {
		case row.version >= known.version:
		case row.at == 0:
			err = tx.Send("UPDATE workflow_version SET superseded_at = ? WHERE org = ? AND workflow = ? AND version = ?",
				store.Micros(now), row.org, row.id, row.version)
		case row.at < store.Micros(before):
			used, end := false, firstID(store.FromMicros(row.at).Add(versionLag))
			err = tx.Query(func(store.Row) error {
				used = true
				return nil
			}, usedVersion, row.org, row.id, end[:], row.version)
			if err == nil && !used {
				n++
				err = tx.Send("DELETE FROM workflow_version WHERE org = ? AND workflow = ? AND version = ?", row.org, row.id, row.version)
			}
		}
		if err != nil {
			return 0, place{}, err
		}
	}
	if len(rows) == purgeChunk {
		next = rows[len(rows)-1]
	}
	return n, next, nil
}

// newestVersion is the version that a workflow has now: none is as new where it was
// deleted, and all are where it is what a hook starts that has an offering alone.
func newestVersion(tx *store.Tx, org string, id peal.WorkflowID) (newest int64, err error) {
	for kind, name := range map[string]string{
		directory.Workflows.Kind: id.String(),
		directory.Offerings.Kind: peal.OfferingID(id).String(),
	} {
		err = tx.Query(func(r store.Row) error {
			if r.Int(1) != 0 {
				newest = 1<<63 - 1
				return nil
			}
			var w struct{ Version int64 }
			if err := json.Unmarshal(r.Blob(0), &w); err != nil {
				return err
			}
			newest = w.Version
			return nil
		}, "SELECT doc, deleted FROM setting WHERE kind = ? AND org = ? AND id = ?", kind, org, name)
		if err != nil {
			return 0, err
		}
	}
	return newest, nil
}
