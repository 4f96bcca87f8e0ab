package storetest

import (
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/publish"
)

var listTests = map[string]func(*Fixture){
	"filters deliveries": func(f *Fixture) {
		one, two := f.Endpoint(), f.Endpoint()
		a := Own(f.Event(one, two))
		a.Event.ClientID = "a"
		f.Accept(a)
		middle := f.Pass(time.Second)
		b := Own(f.Event(one, one))
		b.Event.Type = "order.paid"
		f.Accept(b)
		f.Check(f.Record(f.Outcome(f.Job(a, 0), peal.Succeeded, 200))[0])
		f.Check(f.Record(f.Outcome(f.Job(b, 0), peal.Dead, 500))[0])
		f.Check(f.Record(f.Outcome(f.Job(b, 1), peal.Retrying, 500))[0])
		f.Pass(time.Second)

		all := slices.Concat(deliveryIDs(a), deliveryIDs(b))
		for name, c := range map[string]struct {
			filter peal.DeliveryFilter
			want   []int
		}{
			"all":                 {peal.DeliveryFilter{}, []int{0, 1, 2, 3}},
			"another org":         {peal.DeliveryFilter{Org: "other"}, nil},
			"endpoint":            {peal.DeliveryFilter{Endpoint: one}, []int{0, 2, 3}},
			"foreign endpoint":    {peal.DeliveryFilter{Org: "other", Endpoint: one}, nil},
			"event":               {peal.DeliveryFilter{Event: a.Event.ID}, []int{0, 1}},
			"event and endpoint":  {peal.DeliveryFilter{Event: a.Event.ID, Endpoint: two}, []int{1}},
			"type":                {peal.DeliveryFilter{Type: "order.paid"}, []int{2, 3}},
			"types":               {peal.DeliveryFilter{Type: "order.*"}, []int{0, 1, 2, 3}},
			"no types":            {peal.DeliveryFilter{Type: "orders.*"}, nil},
			"type elsewhere":      {peal.DeliveryFilter{Type: "order.paid", Endpoint: two}, nil},
			"type at an endpoint": {peal.DeliveryFilter{Type: "order.paid", Endpoint: one}, []int{2, 3}},
			"type that is dead":   {peal.DeliveryFilter{Type: "order.paid", Status: peal.Dead}, []int{2}},
			"type in between":     {peal.DeliveryFilter{Type: "order.paid", Since: middle, Until: middle.Add(time.Microsecond)}, []int{2, 3}},
			"another type":        {peal.DeliveryFilter{Type: "order.lost"}, nil},
			"succeeded":           {peal.DeliveryFilter{Status: peal.Succeeded}, []int{0}},
			"pending":             {peal.DeliveryFilter{Status: peal.Pending}, []int{1}},
			"retrying":            {peal.DeliveryFilter{Status: peal.Retrying}, []int{3}},
			"dead":                {peal.DeliveryFilter{Status: peal.Dead}, []int{2}},
			"dead at an endpoint": {peal.DeliveryFilter{Status: peal.Dead, Endpoint: one}, []int{2}},
			"dead elsewhere":      {peal.DeliveryFilter{Status: peal.Dead, Endpoint: two}, nil},
			"since":               {peal.DeliveryFilter{Since: middle}, []int{2, 3}},
			"until":               {peal.DeliveryFilter{Until: middle}, []int{0, 1}},
			"until, in between":   {peal.DeliveryFilter{Until: middle.Add(time.Microsecond)}, []int{0, 1, 2, 3}},
		} {
			if c.filter.Org == "" {
				c.filter.Org = f.Org
			}
			got, next, err := f.Q.Deliveries(f.Ctx, c.filter, peal.Page{})
			f.Check(err)
			var want []peal.DeliveryID
			for _, i := range c.want {
				want = append(want, all[i])
			}
			sortIDs(want)
			slices.Reverse(want)
			if diff := cmp.Diff(want, listed(got)); diff != "" || next != "" {
				f.Errorf("%s (-want +got):\n%s next %q", name, diff, next)
			}
			for _, d := range got {
				if (d.EventID == a.Event.ID) != (d.ClientID == "a") {
					f.Errorf("%s: client id %q", name, d.ClientID)
				}
			}
		}
		_, err := f.Q.Delivery(f.Ctx, "other", all[0])
		f.WantCode(err, peal.CodeNotFound)
	},

	"pages deliveries while they finish": func(f *Fixture) {
		ep := f.Endpoint()
		var want []peal.DeliveryID
		var events []*publish.NewEvent
		for range 10 {
			e := Own(f.Event(ep, ep, ep))
			f.Accept(e)
			events = append(events, e)
			want = append(want, deliveryIDs(e)...)
			f.Pass(time.Millisecond)
		}
		sortIDs(want)
		slices.Reverse(want)
		var got []peal.DeliveryID
		page := peal.Page{Limit: 4}
		for {
			rows, next, err := f.Q.Deliveries(f.Ctx, peal.DeliveryFilter{Org: f.Org}, page)
			f.Check(err)
			got = append(got, listed(rows)...)
			if next == "" {
				break
			}
			page.Cursor = next
			if len(events) > 0 {
				f.Check(f.Record(f.Outcome(f.Job(events[0], 1), peal.Succeeded, 200))[0])
				f.Check(f.Record(f.Outcome(f.Job(events[len(events)-1], 2), peal.Succeeded, 200))[0])
				events = events[1 : len(events)-1]
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			f.Errorf("pages (-want +got):\n%s", diff)
		}
		for _, cursor := range []string{"!", "AAAA", "AQ"} {
			_, _, err := f.Q.Deliveries(f.Ctx, peal.DeliveryFilter{Org: f.Org}, peal.Page{Cursor: cursor})
			f.WantCode(err, peal.CodeInvalidCursor)
			_, _, err = f.Q.Events(f.Ctx, peal.EventFilter{Org: f.Org}, peal.Page{Cursor: cursor})
			f.WantCode(err, peal.CodeInvalidCursor)
		}
	},

	"lists by offset without suppressed ones": func(f *Fixture) {
		ep := f.Endpoint()
		var want []peal.DeliveryID
		for i := range 6 {
			e := f.Event(ep)
			switch i % 3 {
			case 0:
				e.Deliveries[0].Status = peal.Suppressed
			case 1:
				Own(e)
			}
			f.Accept(e)
			if i%3 == 1 {
				f.Check(f.Record(f.Outcome(f.Job(e, 0), peal.Succeeded, 200))[0])
			}
			if i%3 != 0 {
				want = append(want, e.Deliveries[0].ID)
			}
			f.Pass(time.Millisecond)
		}
		slices.Reverse(want)
		for offset := range 5 {
			rows, total, err := f.Q.DeliveriesOffset(f.Ctx, f.Org, ep, offset, 2)
			f.Check(err)
			end := min(offset+2, len(want))
			if diff := cmp.Diff(slices.Clone(want[offset:end]), listed(rows)); diff != "" && offset < end || total != len(want) {
				f.Errorf("offset %d, total %d (-want +got):\n%s", offset, total, diff)
			}
			for _, d := range rows {
				if len(d.Attempts) != d.AttemptCount {
					f.Errorf("attempts of %+v", d)
				}
			}
		}
	},

	"filters and pages events": func(f *Fixture) {
		var all []*peal.Event
		start := f.Now()
		for i := range 9 {
			e := f.Event()
			e.Event.Subject = []string{"42", "43"}[i%2]
			e.Event.Type = []string{"a", "b", "c"}[i%3]
			f.Accept(e)
			shown := *e.Event
			shown.Data = nil
			all = append([]*peal.Event{&shown}, all...)
			f.Pass(time.Second)
		}
		for name, c := range map[string]struct {
			filter peal.EventFilter
			want   func(*peal.Event) bool
		}{
			"all":     {peal.EventFilter{Org: f.Org}, func(*peal.Event) bool { return true }},
			"type":    {peal.EventFilter{Org: f.Org, Type: "b"}, func(e *peal.Event) bool { return e.Type == "b" }},
			"subject": {peal.EventFilter{Org: f.Org, Subject: "43"}, func(e *peal.Event) bool { return e.Subject == "43" }},
			"span": {
				peal.EventFilter{Org: f.Org, Since: start.Add(2 * time.Second), Until: start.Add(5 * time.Second)},
				func(e *peal.Event) bool {
					return !e.AcceptedAt.Before(start.Add(2*time.Second)) && e.AcceptedAt.Before(start.Add(5*time.Second))
				},
			},
			"another org": {peal.EventFilter{Org: "other"}, func(*peal.Event) bool { return false }},
		} {
			var got, want []*peal.Event
			for _, e := range all {
				if c.want(e) {
					want = append(want, e)
				}
			}
			for page := (peal.Page{Limit: 2}); ; {
				rows, next, err := f.Q.Events(f.Ctx, c.filter, page)
				f.Check(err)
				got = append(got, rows...)
				if next == "" {
					break
				}
				page.Cursor = next
			}
			if diff := cmp.Diff(want, got); diff != "" {
				f.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		_, err := f.Q.Event(f.Ctx, "other", all[0].ID.String())
		f.WantCode(err, peal.CodeNotFound)
	},
}

func listed(rows []peal.Delivery) []peal.DeliveryID {
	var out []peal.DeliveryID
	for _, d := range rows {
		out = append(out, d.ID)
	}
	return out
}
