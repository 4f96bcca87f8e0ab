package storetest

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/peal"
)

var searchTests = map[string]func(*Fixture){
	"finds events by a text": func(f *Fixture) {
		publish := func(kind, subject, title, message, data string) {
			e := f.Event()
			e.Event.Type, e.Event.Subject, e.Event.Title, e.Event.Message, e.Event.Data = kind, subject, title, message, json.RawMessage(data)
			f.Accept(e)
			f.Pass(time.Second)
		}
		publish("a", "", "t", "m", `{"model":"GPT-4.1"}`)
		publish("b.gpt-4.1", "", "t", "m", `{}`)
		publish("c", "gpt-4.1", "t", "m", `{}`)
		publish("d", "", "About gpt-4.1", "m", `{}`)
		publish("e", "", "t", "It was gpt-4.1.", `{}`)
		publish("f", "", "t", "m", `{"model":"caf\u00e9"}`)
		for text, want := range map[string][]string{
			"gpt-4.1": {"e", "d", "c", "b.gpt-4.1", "a"}, "CAFÉ": {"f"}, "nothing": nil, "%": nil, "_": nil,
		} {
			found, err := f.Q.SearchEvents(f.Ctx, peal.EventFilter{Org: f.Org}, text, peal.Page{})
			f.Check(err)
			if diff := cmp.Diff(want, types(found.Events)); diff != "" || found.Cursor != "" || !found.Back.IsZero() {
				f.Errorf("%s (-want +got):\n%s %q %s", text, diff, found.Cursor, found.Back)
			}
		}
		for name, filter := range map[string]peal.EventFilter{
			"another org": {Org: "other"}, "type": {Org: f.Org, Type: "f"}, "subject": {Org: f.Org, Subject: "x"}, "time": {Org: f.Org, Since: f.Now()},
		} {
			found, err := f.Q.SearchEvents(f.Ctx, filter, "gpt-4.1", peal.Page{})
			f.Check(err)
			if len(found.Events) > 0 || found.Cursor != "" {
				f.Errorf("%s: %v", name, types(found.Events))
			}
		}
	},

	"searches on from where it stopped": func(f *Fixture) {
		var want []string
		for i := range 7 {
			e := f.Event()
			e.Event.Type = fmt.Sprint("found.", i)
			want = append([]string{e.Event.Type}, want...)
			f.Accept(e)
			f.Pass(time.Second)
		}
		var got []string
		page := peal.Page{Limit: 3}
		for range 4 {
			found, err := f.Q.SearchEvents(f.Ctx, peal.EventFilter{Org: f.Org}, "FOUND", page)
			f.Check(err)
			got = append(got, types(found.Events)...)
			if page.Cursor = found.Cursor; page.Cursor == "" {
				break
			}
			if last := found.Events[len(found.Events)-1]; !found.Back.Equal(last.AcceptedAt) {
				f.Errorf("looked back to %s, the last is of %s", found.Back, last.AcceptedAt)
			}
			for _, ev := range found.Events {
				if ev.Data != nil {
					f.Errorf("a list with data: %s", ev.Data)
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			f.Errorf("pages (-want +got):\n%s", diff)
		}
		_, err := f.Q.SearchEvents(f.Ctx, peal.EventFilter{Org: f.Org}, "x", peal.Page{Cursor: "!"})
		f.WantCode(err, peal.CodeInvalidCursor)
	},
}

func types(events []*peal.Event) (out []string) {
	for _, ev := range events {
		out = append(out, ev.Type)
	}
	return out
}
