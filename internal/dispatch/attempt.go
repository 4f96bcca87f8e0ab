package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/peal-dev/peal/internal/channel"
	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/profile"
	"github.com/peal-dev/peal/internal/secret"
)

// verdict is what an attempt says about its endpoint.
type verdict struct {
	succeeded, failed bool
	timedOut          bool
	reason            string // why it failed
	// leaveAlone is how long the receiver asked not to be called.
	leaveAlone time.Duration
	// keep is the job as it goes back to the head of its lane.
	keep *Job
}

// sent is what came of one sending.
type sent struct {
	attempt  peal.Attempt
	policy   peal.RetryPolicy
	timedOut bool
	result   channel.Result
}

// attempt makes one attempt of a job and hands its outcome to the store.
func (d *Dispatcher) attempt(l *lane, j *Job) verdict {
	ep, ok := d.Directory.Endpoint(j.Endpoint)
	switch {
	case !ok:
		for _, one := range j.all() {
			d.record(l, "", &Outcome{Job: one, Now: d.Now(), Status: peal.Cancelled, Reason: reasonDeleted})
		}
		return verdict{}
	case ep.Status != peal.Active, !d.MayStart():
		return verdict{keep: j} // it waits, or a claimer releases it with all that is behind it
	}
	ctx := d.attemptContext(ep)
	s := d.send(ctx, ep, j.message(), j.ID)
	if d.sending.Err() == nil && ctx.Err() != nil && s.attempt.Error != "" {
		return verdict{keep: j} // cut short, since others may be about to take it over
	}
	if d.sending.Err() != nil && s.attempt.Error != "" {
		return verdict{} // cut short by the drain, not by the receiver: released with the session
	}
	if s.attempt.Error == "" {
		for _, one := range j.all() {
			d.record(l, ep.Profile, &Outcome{Job: one, Now: d.Now(), Attempt: s.attemptOf(one, j), Status: peal.Succeeded})
		}
		return verdict{succeeded: true}
	}
	return d.failed(l, j, ep, s)
}

// failed decides what follows a failed attempt.
func (d *Dispatcher) failed(l *lane, j *Job, ep *peal.Endpoint, s sent) verdict {
	now := d.Now()
	v := verdict{failed: true, timedOut: s.timedOut, reason: s.attempt.Error}
	if len(s.policy.Schedule) > 0 {
		v.leaveAlone = min(s.result.RetryAfter, peal.MaxRetryAfter)
	}
	random := d.Random()
	var due time.Time
	var outcomes []*Outcome
	for _, one := range j.all() {
		o := &Outcome{Job: one, Now: now, Attempt: s.attemptOf(one, j)}
		outcomes = append(outcomes, o)
		wait, again := s.policy.Wait(o.Attempt.Number-one.RoundStart, s.result.RetryAfter, random)
		if again && !s.result.Permanent {
			if due.IsZero() {
				due = now.Add(wait) // of all, so that they stay together
			}
			o.Status, o.DueAt, o.Keep = peal.Retrying, due, ep.Ordered && d.stays(l) && len(j.With) == 0
			if o.Keep {
				// A copy, since the outcome is read until it is durable.
				next := *one
				next.AttemptCount, next.DueAt = o.Attempt.Number, o.DueAt
				v.keep = &next
			}
			continue
		}
		o.Status = s.policy.Exhausted
		if o.Status == peal.Dead && !one.Message.Event.AboutDeliveries() {
			o.Raised = []peal.Raised{deadEvent(one, ep, o.Attempt)}
		}
	}
	d.disableIfDue(l, ep, s.result.Gone, now)
	for _, o := range outcomes {
		d.record(l, ep.Profile, o)
	}
	return v
}

// deadEvent reports a dead letter to the org's other endpoints.
func deadEvent(j *Job, ep *peal.Endpoint, a *peal.Attempt) peal.Raised {
	ev := j.Message.Event
	data, err := json.Marshal(map[string]any{
		"delivery_id": j.ID, "event_id": ev.PublicID(), "event_type": ev.Type, "endpoint_id": ep.ID,
		"endpoint_name": ep.Name, "attempt_count": a.Number,
		"last_status_code": a.StatusCode, "last_error": a.Error,
	})
	if err != nil {
		data = nil // strings, numbers and ids always marshal
	}
	return peal.Raised{
		Org: ev.Org, Type: peal.TypeDeliveryDead, Subject: j.ID.String(), Severity: peal.High,
		Data: data, Exclude: ep.ID,
	}
}

// healthCheckEvery bounds how often a failing endpoint's history is read.
const healthCheckEvery = time.Minute

// disableIfDue turns an endpoint off that said it is gone or that has failed for
// too long.
func (d *Dispatcher) disableIfDue(l *lane, ep *peal.Endpoint, gone bool, now time.Time) {
	reason := ""
	if gone {
		reason = "the receiver answered 410 Gone"
	} else if d.dueForHealthCheck(l, now) {
		since, err := d.Health.FailingSince(d.sending, ep.ID)
		if err != nil {
			d.Log.Warn("an endpoint's history could not be read", "endpoint", ep.ID, "error", err)
		} else if !since.IsZero() && now.Sub(later(since, ep.ActiveSince)) >= d.DisableAfter {
			reason = "every attempt failed for " + d.DisableAfter.String()
		}
	}
	if reason == "" {
		return
	}
	if err := d.Disable(d.sending, ep.ID, reason); err != nil {
		d.Log.Error("an endpoint could not be disabled", "endpoint", ep.ID, "error", err)
		return
	}
	d.Log.Warn("an endpoint is disabled", "endpoint", ep.ID, "org", ep.Org, "reason", reason)
}

// later is the later of two times: what failed before an endpoint was resumed does
// not count against it.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (d *Dispatcher) dueForHealthCheck(l *lane, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now.Sub(l.lastFailCheck) < healthCheckEvery {
		return false
	}
	l.lastFailCheck = now
	return true
}

// record hands an outcome to the store and keeps the accounts when it is durable.
func (d *Dispatcher) record(l *lane, profileName string, o *Outcome) {
	d.recording.Add(1)
	d.mu.Lock()
	l.recording++
	d.mu.Unlock()
	o.Done = func(err error) {
		defer d.recording.Done()
		if err == nil && d.Observe != nil {
			d.Observe(profileName, o.Attempt, o.Status)
		}
		d.recorded(l, o, err)
	}
	d.Store.Record(o)
}

func (d *Dispatcher) recorded(l *lane, o *Outcome, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.Now()
	l.recording--
	switch {
	case o.Keep && (err == nil || l.unqueue(o.Job.ID, o.Job.Session) == nil):
		// Still owned and still held; or under way again, and then the outcome of that
		// attempt ends it.
		d.touch(l, now)
		return
	case err == nil && o.Status == peal.Retrying:
		if l.nextDue.IsZero() || o.DueAt.Before(l.nextDue) {
			l.nextDue = o.DueAt
		}
		l.arrivals++
	case err != nil && !errors.Is(err, ErrFenced):
		d.Log.Error("an outcome could not be recorded; its delivery will be repeated", "delivery", o.Job.ID, "error", err)
	}
	d.drop(l, o.Job)
	d.touch(l, now)
	d.fill(now)
}

// drop takes a job and its place out of the accounts.
func (d *Dispatcher) drop(l *lane, j *Job) {
	if l.held[j.ID] == j.Session { // and not held again by a later claim
		delete(l.held, j.ID)
	}
	d.account(l, -1, -j.Size)
}

// SendNow makes one attempt at once, outside of any lane, and records nothing. The id is
// that of the delivery, zero for none.
func (d *Dispatcher) SendNow(ctx context.Context, ep *peal.Endpoint, ev *peal.Event, id peal.DeliveryID) peal.Attempt {
	s := d.send(ctx, ep, NewMessage(ev), id)
	s.attempt.Number = 1
	return s.attempt
}

// send renders, signs and sends a message to an endpoint, as the delivery id.
func (d *Dispatcher) send(ctx context.Context, ep *peal.Endpoint, m *Message, id peal.DeliveryID) sent {
	start := d.Now()
	s := sent{attempt: peal.Attempt{StartedAt: start, Profile: ep.Profile}}
	prof, ok := d.Profiles.Get(ep.Profile)
	if !ok {
		prof, _ = d.Profiles.Get(profile.Default)
		s.policy = prof.Policy.With(ep.Retry)
		s.attempt.Error = "the profile " + ep.Profile + " is not configured"
		return s
	}
	s.policy = prof.Policy.With(ep.Retry)
	ch, ok := d.Channels.Get(ep.Kind)
	if !ok {
		s.attempt.Error = "the channel " + ep.Kind + " is not known"
		return s
	}
	req, hash, err := d.prepare(prof, ch, ep, m, id, start)
	if err != nil {
		s.attempt.Error = "the event could not be rendered: " + err.Error()
		return s
	}
	ctx, cancel := context.WithTimeout(ctx, s.policy.Timeout)
	defer cancel()
	s.result = ch.Send(ctx, ep, req)
	s.timedOut = s.result.Err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded)

	a := &s.attempt
	a.Duration = d.Now().Sub(start)
	a.StatusCode = s.result.StatusCode
	a.BodyHash = hash
	a.ResponseBody = string(s.result.Body)
	a.RequestHeaders = recordedHeaders(ep, req.Headers)
	if s.result.Err != nil {
		a.Error = s.result.Err.Error()
	}
	return s
}

// prepare renders and signs. A panic in it fails the attempt, not the process: a
// profile's expression runs here on what anybody may publish.
func (d *Dispatcher) prepare(
	prof *profile.Profile, ch channel.Channel, ep *peal.Endpoint, m *Message, id peal.DeliveryID, now time.Time,
) (_ channel.Request, hash []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("rendering for %s in the profile %s failed: %v", ch.Kind(), prof.Name, r)
		}
	}()
	if own, ok := ch.(channel.Renderer); ok {
		body, headers, err := d.tell(own, ep, m.all(), id)
		return channel.Request{Headers: headers, Body: body}, bodyHash(body), err
	}
	r, err := m.render(prof)
	if err != nil {
		return channel.Request{}, nil, err
	}
	headers, err := prof.Sign(make([]peal.Header, 0, 6), profile.Signing{
		Event: m.Event, Body: r.body, Secrets: ep.LiveSecrets(now), Now: now,
	})
	return channel.Request{Headers: headers, Body: r.body}, r.hash, err
}

// tell renders the message of a channel for people. It depends on the endpoint and the
// delivery, so that nothing of it is kept.
func (d *Dispatcher) tell(ch channel.Renderer, ep *peal.Endpoint, events []*peal.Event, id peal.DeliveryID) ([]byte, []peal.Header, error) {
	return ch.Render(ep, channel.NewMessage(ep, channel.Envelope{Delivery: id, PublicURL: d.PublicURL}, events...))
}

// recordedHeaders is what an attempt shows of its request: the format's headers, and
// of the endpoint's own, which may be credentials, the names alone.
func recordedHeaders(ep *peal.Endpoint, headers []peal.Header) map[string]string {
	m := make(map[string]string, len(headers)+len(ep.Private.Headers))
	for _, h := range headers {
		m[h.Name] = h.Value
	}
	for name := range ep.Private.Headers {
		m[name] = secret.Redacted
	}
	return m
}
