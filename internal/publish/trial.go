package publish

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/peal-dev/peal/internal/catalogue"
	"github.com/peal-dev/peal/internal/peal"
)

// Sender makes one attempt at once, outside of any lane.
type Sender interface {
	SendNow(ctx context.Context, ep *peal.Endpoint, ev *peal.Event, id peal.DeliveryID) peal.Attempt
}

// TestResult is how a test by hand went.
type TestResult struct {
	Success    bool
	StatusCode int
	// Message is one sentence for people.
	Message    string
	EventID    peal.EventID
	DeliveryID peal.DeliveryID
}

// Test sends a test event to an endpoint at once, whatever its status and
// subscription, and records it as a delivery that is not retried. The event is the
// example of a type of the catalogue; an empty type is peal.TypeTest.
func (p *Publisher) Test(ctx context.Context, ep *peal.Endpoint, eventType string) (TestResult, error) {
	ev, err := testEvent(ep, eventType, p.now())
	if err != nil {
		return TestResult{}, err
	}
	id := peal.NewDeliveryID(ev.AcceptedAt)
	attempt := p.Sender.SendNow(ctx, ep, ev, id)
	d := &NewDelivery{ID: id, Endpoint: ep.ID, Status: peal.Succeeded, Attempt: &attempt}
	if attempt.Error != "" {
		d.Status, d.Reason = peal.Dropped, "test"
	}
	_, err = p.commit(ctx, func() (*Commit, error) {
		return &Commit{
			Org: ep.Org, Now: p.now(), ConfigVersion: p.Directory.Version(),
			Events: []*NewEvent{{Event: ev, Deliveries: []*NewDelivery{d}}},
		}, nil
	})
	r := result(attempt)
	r.EventID, r.DeliveryID = ev.ID, d.ID
	return r, err
}

// TestUnsaved sends a test event to an endpoint that is not stored; nothing is
// recorded.
func (p *Publisher) TestUnsaved(ctx context.Context, ep *peal.Endpoint) (TestResult, error) {
	ev, err := testEvent(ep, peal.TypeTest, p.now())
	if err != nil {
		return TestResult{}, err
	}
	return result(p.Sender.SendNow(ctx, ep, ev, peal.DeliveryID{})), nil
}

func testEvent(ep *peal.Endpoint, eventType string, now time.Time) (*peal.Event, error) {
	if eventType != "" && eventType != peal.TypeTest {
		t, ok := catalogue.Lookup(eventType)
		if !ok {
			return nil, peal.Invalid("type", "there is no such type in the catalogue; GET /v1/event-types lists it")
		}
		in := Input{Type: t.Name, Data: t.Example}
		return in.event(ep.Org, now)
	}
	in := Input{
		Type: peal.TypeTest, Severity: peal.Info, Title: "Test notification",
		Message: "This is a test: the channel is set up and can be reached.",
		Data:    []byte(`{"test":true}`),
	}
	return in.event(ep.Org, now)
}

func result(a peal.Attempt) TestResult {
	return TestResult{Success: a.Error == "", StatusCode: a.StatusCode, Message: sentence(a)}
}

// sentence tells how a test went, and where it went wrong what to look at.
func sentence(a peal.Attempt) string {
	switch {
	case strings.HasPrefix(a.Error, "answered "):
		return "Not delivered: the receiver " + a.Error + advice(a) + "."
	case a.Error != "":
		return "Not delivered: " + strings.TrimSuffix(a.Error, ".") + "."
	case a.StatusCode == 0:
		return "Delivered."
	}
	return fmt.Sprintf("Delivered: the receiver answered %d.", a.StatusCode)
}

// advice says what a bare status means; a channel that knows better has said so.
func advice(a peal.Attempt) string {
	if a.Error != fmt.Sprintf("answered %d", a.StatusCode) {
		return ""
	}
	switch code := a.StatusCode; {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return ", so it refuses the credentials or the signature"
	case code == http.StatusNotFound:
		return ", so there is nothing at this address: see whether the path is right and the receiver still there"
	case code == http.StatusMethodNotAllowed:
		return ", so nothing there takes a POST"
	case code == http.StatusGone:
		return ", so it wants nothing more; an event would disable the endpoint"
	case code == http.StatusRequestEntityTooLarge:
		return ", so the message is too large for it"
	case code == http.StatusTooManyRequests:
		return ", so it is sent too much: try again later, or set a rate limit"
	case code >= http.StatusInternalServerError:
		return ", so it has a fault of its own: see its logs"
	case code >= http.StatusBadRequest:
		return ", so it does not understand the message"
	}
	return ""
}
