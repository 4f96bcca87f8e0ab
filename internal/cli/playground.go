package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/peal-dev/peal/client"
	"github.com/peal-dev/peal/internal/catalogue"
	"github.com/peal-dev/peal/internal/receiver"
)

// playground is what peal dev shows: a receiver, endpoints that deliver to it, and
// events to deliver. One goroutine uses it; only arrivals come from elsewhere.
type playground struct {
	out      io.Writer
	client   *client.Client
	key      string
	receiver *receiver.Receiver
	arrivals chan receiver.Arrival
	// types are those of known events, by webhook-id; names the endpoints' (a profile or
	// a channel's kind), by id.
	types map[string]string
	names map[string]string
}

// prefix marks the endpoints that a playground makes and clears away.
const prefix = "playground "

// setUp makes an endpoint for each profile and each kind of channel, in place of those
// of an earlier run, whose receiver is gone.
func (p *playground) setUp(ctx context.Context) error {
	for ep, err := range p.client.Endpoints(ctx) {
		if err != nil {
			return err
		}
		if strings.HasPrefix(ep.Name, prefix) {
			if err := p.client.DeleteEndpoint(ctx, ep.ID); err != nil {
				return err
			}
		}
	}
	p.names = map[string]string{}
	for _, profile := range receiver.Profiles() {
		url, secret := p.receiver.Add(profile, profile)
		ep, err := p.client.CreateEndpoint(ctx, client.Endpoint{
			Name: prefix + profile, URL: url, Secret: secret, Profile: profile, Events: []string{"*"},
		})
		if err != nil {
			return err
		}
		p.names[ep.ID] = profile
	}
	for _, kind := range receiver.Channels() {
		ep, err := p.client.CreateEndpoint(ctx, client.Endpoint{
			Name: prefix + kind, Type: kind, Config: p.receiver.AddChannel(kind), Events: []string{"*"},
		})
		if err != nil {
			return err
		}
		p.names[ep.ID] = kind
	}
	return nil
}

// roundSize is how many of the first samples make a round: one of each document, and
// one of a type of the user's own.
const roundSize = 5

// sampleEvents are the catalogue's examples, ordered so that their documents take
// turns.
func sampleEvents() []client.Event {
	bySource := map[string][]client.Event{
		"own": {{Type: "order.paid", Data: json.RawMessage(`{"order":"ord_1042","total":129.90,"currency":"EUR"}`)}},
	}
	for _, t := range catalogue.All() {
		bySource[t.Source] = append(bySource[t.Source], client.Event{Type: t.Name, Data: t.Example})
	}
	var out []client.Event
	for i := 0; ; i++ {
		before := len(out)
		for _, source := range []string{"own", "nemo", "curate-me", "nembl", "nolxy"} {
			if events := bySource[source]; i < len(events) {
				e := events[i]
				e.Source, e.Subject = "playground", "42"
				out = append(out, e)
			}
		}
		if len(out) == before {
			return out
		}
	}
}

func (p *playground) publish(ctx context.Context, e client.Event) (client.Accepted, error) {
	a, err := p.client.Publish(ctx, e)
	if err == nil {
		p.types[a.ID] = e.Type
	}
	return a, err
}

// print writes one line for a delivery.
func (p *playground) print(ctx context.Context, a receiver.Arrival) {
	verdict := "verified"
	if a.Err != nil {
		verdict = "NOT VERIFIED: " + a.Err.Error()
	}
	if n := p.told(ctx, a); n > 1 {
		verdict += fmt.Sprintf(", tells %d events", n)
	}
	fmt.Fprintf(p.out, "%s  %-9s  %-28s  %s  %5d B  %s\n",
		a.At.Format("15:04:05.000"), a.Profile, p.typeOf(ctx, a.ID), a.ID, len(a.Body), verdict)
}

// recordedIn is how long an attempt may take from its arrival until the server tells of it.
const recordedIn = 2 * time.Second

// told is how many events a message stood for; the arrival names only the last of them.
// Only channels for people collect.
func (p *playground) told(ctx context.Context, a receiver.Arrival) int {
	if !slices.Contains(receiver.Channels(), a.Profile) {
		return 1
	}
	for end := time.Now().Add(recordedIn); ; {
		d, err := p.delivery(ctx, a)
		switch {
		case err != nil || d.GroupID == "" || time.Now().After(end):
			return 1
		case len(d.Attempts) > 0:
			return d.Attempts[len(d.Attempts)-1].Events
		}
		select {
		case <-ctx.Done():
			return 1
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// delivery finds the one that arrived, and reads it where it was collected with others.
func (p *playground) delivery(ctx context.Context, a receiver.Arrival) (client.Delivery, error) {
	for d, err := range p.client.EventDeliveries(ctx, a.ID) {
		switch {
		case err != nil:
			return d, err
		case p.names[d.EndpointID] != a.Profile:
		case d.GroupID == "":
			return d, nil
		default:
			return p.client.Delivery(ctx, d.ID)
		}
	}
	return client.Delivery{}, nil
}

// typeOf asks the server where another client published the event.
func (p *playground) typeOf(ctx context.Context, id string) string {
	if t, ok := p.types[id]; ok {
		return t
	}
	e, err := p.client.Event(ctx, id)
	if err != nil {
		return "?"
	}
	return e.Type
}

// row is one delivery of the table that peal dev --once prints.
type row struct{ profile, event, status, attempts, signature string }

func (r row) good() bool { return r.status == "succeeded" && r.signature == "verified" }

// settle is how long a round may take to be delivered.
const settle = 20 * time.Second

// once sends a round and tells how each delivery went.
func (p *playground) once(ctx context.Context) error {
	if err := p.setUp(ctx); err != nil {
		return err
	}
	var accepted []client.Accepted
	for _, e := range sampleEvents()[:roundSize] {
		a, err := p.publish(ctx, e)
		if err != nil {
			return err
		}
		accepted = append(accepted, a)
	}
	signatures := map[string]string{} // by profile and event
	deadline := time.Now().Add(settle)
	for {
		rows, want, err := p.rows(ctx, accepted, signatures)
		if err != nil {
			return err
		}
		good := 0
		for _, r := range rows {
			if r.good() {
				good++
			}
		}
		if good >= want || time.Now().After(deadline) {
			if err := printRows(p.out, rows); err != nil {
				return err
			}
			fmt.Fprintf(p.out, "\n%d of %d deliveries arrived and verified.\n", good, want)
			if good < want || want == 0 {
				return errReported
			}
			return nil
		}
		p.collect(ctx, signatures)
	}
}

// collect notes the arrivals of the next moment.
func (p *playground) collect(ctx context.Context, signatures map[string]string) {
	moment := time.NewTimer(20 * time.Millisecond)
	defer moment.Stop()
	for {
		select {
		case a := <-p.arrivals:
			verdict := "verified"
			if a.Err != nil {
				verdict = a.Err.Error()
			}
			signatures[a.Profile+" "+a.ID] = verdict
		case <-moment.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// rows joins what the server says of the deliveries with what arrived, and tells how
// many there must be.
func (p *playground) rows(ctx context.Context, accepted []client.Accepted, signatures map[string]string) (rows []row, want int, err error) {
	for _, a := range accepted {
		want += a.Deliveries
		for d, err := range p.client.EventDeliveries(ctx, a.ID) {
			if err != nil {
				return nil, 0, err
			}
			profile := p.names[d.EndpointID]
			signature := signatures[profile+" "+a.ID]
			if signature == "" {
				signature = "not arrived"
			}
			rows = append(rows, row{profile, d.EventType, d.Status, fmt.Sprint(d.AttemptCount), signature})
		}
	}
	order := append(receiver.Profiles(), receiver.Channels()...)
	slices.SortStableFunc(rows, func(x, y row) int { return slices.Index(order, x.profile) - slices.Index(order, y.profile) })
	return rows, want, nil
}

func printRows(w io.Writer, rows []row) error {
	return list(w, format{}, rows,
		column[row]{"ENDPOINT", func(r row) string { return r.profile }},
		column[row]{"EVENT", func(r row) string { return r.event }},
		column[row]{"STATUS", func(r row) string { return r.status }},
		column[row]{"ATTEMPTS", func(r row) string { return r.attempts }},
		column[row]{"SIGNATURE", func(r row) string { return r.signature }},
	)
}
