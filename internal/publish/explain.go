package publish

import (
	"context"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
)

// Verdict says what became of an event at one endpoint.
type Verdict struct {
	Endpoint peal.EndpointID
	Name     string
	// Delivery is zero where the endpoint did not get the event.
	Delivery peal.DeliveryID
	// Outcome is "delivered", the state of a delivery that is not (pending, retrying,
	// dead, cancelled), or why there is none or it was not sent: type, filter, dedup,
	// binding, silence, mute_hours, repeat, paused, disabled, later (the endpoint came after the
	// event), changed (it would get the event now: its subscription was another then).
	Outcome string
	// Detail says why the filter could not be answered, or names what suppressed the
	// delivery; empty where there is nothing to say.
	Detail string
}

// Explain tells for each endpoint of the org why it got an event or why not.
func (p *Publisher) Explain(ctx context.Context, ev *peal.Event) ([]Verdict, error) {
	byEndpoint := map[peal.EndpointID]peal.Delivery{}
	page := peal.Page{Limit: peal.MaxPageSize}
	for {
		rows, next, err := p.Reader.Deliveries(ctx, peal.DeliveryFilter{Org: ev.Org, Event: ev.ID}, page)
		if err != nil {
			return nil, err
		}
		for _, d := range rows {
			byEndpoint[d.EndpointID] = d
		}
		if next == "" {
			break
		}
		page.Cursor = next
	}
	var verdicts []Verdict
	for page = (peal.Page{Limit: peal.MaxPageSize}); ; {
		endpoints, next, err := p.Directory.Endpoints(ev.Org, page)
		if err != nil {
			return nil, err
		}
		for _, ep := range endpoints {
			v := Verdict{Endpoint: ep.ID, Name: ep.Name}
			if d, ok := byEndpoint[ep.ID]; ok {
				v.Delivery = d.ID
				v.Outcome, v.Detail = outcome(d, ep)
			} else {
				v.Outcome, v.Detail = p.missed(ep, ev)
			}
			verdicts = append(verdicts, v)
		}
		if next == "" {
			return verdicts, nil
		}
		page.Cursor = next
	}
}

// missed says why there is no delivery.
func (p *Publisher) missed(ep *peal.Endpoint, ev *peal.Event) (outcome, detail string) {
	reason := p.Directory.Verdict(ev.Org, ep, ev)
	switch {
	case reason == directory.ReasonFilter:
		return reason, p.Directory.FilterError(ep, ev)
	case reason != "":
		return reason, ""
	case ep.CreatedAt.Truncate(time.Millisecond).After(ev.AcceptedAt): // which is known to the millisecond
		return "later", ""
	}
	return "changed", ""
}

func outcome(d peal.Delivery, ep *peal.Endpoint) (outcome, detail string) {
	switch {
	case d.Status == peal.Succeeded:
		return "delivered", ""
	case !d.Status.Finished() && ep.Status != peal.Active:
		return string(ep.Status), ""
	case d.Status == peal.Suppressed:
		outcome, detail, _ = strings.Cut(d.Reason, " ")
		return outcome, detail
	case d.Reason != "":
		return d.Reason, ""
	}
	return string(d.Status), ""
}
