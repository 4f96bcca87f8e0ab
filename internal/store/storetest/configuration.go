package storetest

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/settings"
)

var settingsTests = map[string]func(*Fixture){
	"tells what changed": func(f *Fixture) {
		row := func(id, doc string) directory.Row {
			return directory.Row{Kind: directory.KindEndpoint, Org: f.Org, ID: id, Doc: []byte(doc), Sealed: []byte("sealed " + id)}
		}
		write := func(puts ...settings.Put) int64 {
			f.Helper()
			v, err := f.S.Write(f.Ctx, settings.Write{Rows: puts})
			f.Check(err)
			return v
		}
		v1 := write(settings.Put{Row: row("a", "1")}, settings.Put{Row: row("b", "1")})
		v2 := write(settings.Put{Row: row("b", "2"), Expect: v1})
		gone := directory.Row{Kind: directory.KindEndpoint, Org: f.Org, ID: "a", Deleted: true}
		v3 := write(settings.Put{Row: gone, Expect: v1})
		f.Reopen()

		at := func(r directory.Row, v int64) directory.Row {
			r.Version = v
			return r
		}
		for since, want := range map[int64][]directory.Row{
			0:  {at(row("b", "2"), v2), at(gone, v3)},
			v1: {at(row("b", "2"), v2), at(gone, v3)},
			v2: {at(gone, v3)},
			v3: nil,
		} {
			got, newest, err := f.S.Changes(f.Ctx, since)
			f.Check(err)
			if diff := cmp.Diff(want, got); diff != "" || newest != v3 {
				f.Errorf("since %d, newest %d (-want +got):\n%s", since, newest, diff)
			}
		}
		// What was deleted can be made again.
		if v := write(settings.Put{Row: row("a", "3")}); v != v3+1 {
			f.Errorf("version %d after %d", v, v3)
		}
	},

	"tells more than one reading holds": func(f *Fixture) {
		const many = 4500 // one version that no reading ends with
		var puts []settings.Put
		for i := range many {
			puts = append(puts, settings.Put{Row: directory.Row{Kind: directory.KindKey, Org: f.Org, ID: fmt.Sprintf("%05d", i), Doc: []byte("{}")}})
		}
		first, err := f.S.Write(f.Ctx, settings.Write{Rows: puts})
		f.Check(err)
		puts = puts[:3]
		for i := range puts {
			puts[i].Expect = first
		}
		second, err := f.S.Write(f.Ctx, settings.Write{Rows: puts})
		f.Check(err)
		rows, newest, err := f.S.Changes(f.Ctx, 0)
		f.Check(err)
		if len(rows) != many || newest != second {
			f.Fatalf("%d rows at version %d", len(rows), newest)
		}
		for i, r := range rows {
			want, at := (i+3)%many, first
			if i >= many-3 {
				at = second
			}
			if r.ID != fmt.Sprintf("%05d", want) || r.Version != at {
				f.Fatalf("row %d is %s at version %d", i, r.ID, r.Version)
			}
		}
	},

	"gives the id of a deleted org to no other": func(f *Fixture) {
		org := directory.Row{Kind: directory.KindOrg, Org: "gone", ID: "gone", Doc: []byte("{}")}
		write := func(r directory.Row, expect int64) (int64, error) {
			return f.S.Write(f.Ctx, settings.Write{Rows: []settings.Put{{Row: r, Expect: expect}}})
		}
		v, err := write(org, settings.MustNotExist)
		f.Check(err)
		tombstone := org
		tombstone.Deleted = true
		_, err = write(tombstone, v)
		f.Check(err)
		_, err = write(org, settings.MustNotExist)
		f.WantCode(err, peal.CodeConflict)
		if !strings.Contains(err.Error(), "used before") {
			f.Errorf("it says %v", err)
		}
	},

	"refuses a lost race whole": func(f *Fixture) {
		put := func(id string, expect int64) settings.Put {
			return settings.Put{Row: directory.Row{Kind: directory.KindOrg, Org: id, ID: id, Doc: []byte("{}")}, Expect: expect}
		}
		var mu sync.Mutex
		won := 0
		var racing sync.WaitGroup
		for i := range 10 {
			racing.Go(func() {
				_, err := f.S.Write(f.Ctx, settings.Write{
					Rows:   []settings.Put{put(fmt.Sprint("other", i), 0), put("one", 0)},
					Audit:  []settings.AuditEntry{{Org: f.Org, Time: f.Now(), Actor: "admin", Action: "org.created"}},
					Raised: []peal.Raised{{Org: f.Org, Type: "t", Data: []byte("{}")}},
				})
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won++
				} else if peal.CodeOf(err) != peal.CodeConflict {
					f.Error(err)
				}
			})
		}
		racing.Wait()
		rows, version, err := f.S.Changes(f.Ctx, 0)
		f.Check(err)
		audit, _, err := f.S.Audit(f.Ctx, f.Org, peal.Page{})
		f.Check(err)
		raised, err := f.Q.Raised(f.Ctx, 100)
		f.Check(err)
		if won != 1 || len(rows) != 2 || version != 1 || len(audit) != 1 || len(raised) != 1 {
			f.Fatalf("%d won: %d rows at version %d, %d audited, %d raised", won, len(rows), version, len(audit), len(raised))
		}
		for _, p := range []settings.Put{put("one", 7), put("none", 1)} {
			_, err := f.S.Write(f.Ctx, settings.Write{Rows: []settings.Put{p}})
			f.WantCode(err, peal.CodeConflict)
		}
	},

	"pages the audit trail": func(f *Fixture) {
		var want []settings.AuditEntry
		for i := range 7 {
			a := settings.AuditEntry{Time: f.Now(), Org: f.Org, Actor: "admin", Action: "key.created", Object: fmt.Sprint("key_", i)}
			if i%2 == 0 {
				a.Detail = json.RawMessage(`{"name":"x"}`)
			}
			_, err := f.S.Write(f.Ctx, settings.Write{Audit: []settings.AuditEntry{a, {Time: f.Now(), Org: "other"}}})
			f.Check(err)
			want = append([]settings.AuditEntry{a}, want...)
		}
		var got []settings.AuditEntry
		for page := (peal.Page{Limit: 3}); ; {
			rows, next, err := f.S.Audit(f.Ctx, f.Org, page)
			f.Check(err)
			for _, a := range rows {
				if a.ID == 0 {
					f.Error("an entry without a number")
				}
				a.ID = 0
				got = append(got, a)
			}
			if next == "" {
				break
			}
			page.Cursor = next
		}
		if diff := cmp.Diff(want, got); diff != "" {
			f.Errorf("audit (-want +got):\n%s", diff)
		}
		_, _, err := f.S.Audit(f.Ctx, f.Org, peal.Page{Cursor: "?"})
		f.WantCode(err, peal.CodeInvalidCursor)
	},
}
