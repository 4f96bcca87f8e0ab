package dispatch

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peal-dev/peal/internal/channel"
	"github.com/peal-dev/peal/internal/peal"
)

func forPeople(name string) func(*peal.Endpoint) {
	return func(ep *peal.Endpoint) { ep.Kind, ep.Name = "people", name }
}

func TestAChannelForPeopleRendersItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, accept)
		defer w.stop()
		ep := w.endpoint("standard", forPeople("ops"))
		id := w.publish(ep)
		w.settled()
		r := w.queue.get(id)
		if r.status != peal.Succeeded || len(r.attempts) != 1 || w.calls.to(ep.ID)[0].event == "" {
			t.Fatalf("%s after %d attempts", r.status, len(r.attempts))
		}
		want := "t for ops as " + id.String()
		if a := r.attempts[0]; !bytes.Equal(a.BodyHash, bodyHash([]byte(want))) || a.RequestHeaders["Content-Type"] != "text/plain" {
			t.Errorf("attempt %+v", a)
		}
		dlv := &peal.Delivery{ID: id, Org: ep.Org, EventID: r.job.Message.Event.ID, EndpointID: ep.ID, Attempts: r.attempts}
		body, contentType, err := w.d.Payload(t.Context(), dlv, 0)
		if err != nil || string(body) != want || contentType != "text/plain" {
			t.Errorf("payload %q of type %q, %v", body, contentType, err)
		}
		next := *ep
		next.Name = "others"
		w.put(&next)
		if _, _, err := w.d.Payload(t.Context(), dlv, 0); peal.CodeOf(err) != peal.CodeGone {
			t.Errorf("of a changed endpoint: %v", err)
		}
		w.write(&next, true)
		if _, _, err := w.d.Payload(t.Context(), dlv, 0); peal.CodeOf(err) != peal.CodeGone {
			t.Errorf("of a deleted endpoint: %v", err)
		}
	})
}

func TestAPermanentFailureIsNotRetried(t *testing.T) {
	refused := func(context.Context, *peal.Endpoint, int) channel.Result {
		return channel.Result{StatusCode: 200, Permanent: true, Err: errors.New("no such channel")}
	}
	for profileName, want := range map[string]peal.Status{"standard": peal.Dead, "nemo": peal.Dropped} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, refused)
			defer w.stop()
			id := w.publish(w.endpoint(profileName, forPeople("ops")))
			time.Sleep(time.Hour)
			w.settled()
			if r := w.queue.get(id); r.status != want || len(r.attempts) != 1 || r.attempts[0].Error != "no such channel" {
				t.Errorf("%s: %s after %d attempts", profileName, r.status, len(r.attempts))
			}
		})
	}
}

func TestAPanickingChannelFailsTheAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, accept)
		defer w.stop()
		id := w.publish(w.endpoint("nemo", forPeople("panics")))
		w.settled()
		if r := w.queue.get(id); r.status != peal.Dropped || len(r.attempts) != 1 || r.attempts[0].Error == "" {
			t.Errorf("%s after %d attempts", r.status, len(r.attempts))
		}
	})
}
