package api

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/peal-dev/peal/internal/peal"
	"github.com/peal-dev/peal/internal/publish"
	"github.com/peal-dev/peal/internal/strictjson"
)

// How much larger than one event's limit a body may be: a single event for its white
// space and escapes, a batch for its many events.
const (
	singleFactor = 2
	batchFactor  = 16
)

// EventPublish is an event as it is published.
type EventPublish struct {
	Type     string         `json:"type" maxLength:"128" example:"budget.exceeded" doc:"A-Z a-z 0-9 . _ : / -; any, not only those of the catalogue."`
	Data     map[string]any `json:"data,omitempty" example:"{\"total\":99.9}" doc:"Any JSON object; numbers keep their digits. Absent is {}."`
	ID       string         `json:"id,omitempty" maxLength:"256" doc:"Chosen by the publisher, unique in the org whatever the source; made up where absent."`
	Source   string         `json:"source,omitempty" maxLength:"1024" doc:"What it comes from; peal where absent."`
	Time     time.Time      `json:"time,omitzero" doc:"When it happened; now where absent."`
	Subject  string         `json:"subject,omitempty" maxLength:"1024" doc:"What it is about, such as a customer's id."`
	Severity string         `json:"severity,omitempty" enum:"info,warning,high,critical" doc:"Absent: that of the type in the catalogue, else info."`
	Title    string         `json:"title,omitempty" doc:"A line for people; made from the type where absent."`
	Message  string         `json:"message,omitempty" doc:"A sentence for people; made from the type where absent."`
}

// Accepted is the answer for one event.
type Accepted struct {
	ID         string `json:"id" example:"evt_01h455vb4pex5vsknk084sn02q"`
	Deliveries int    `json:"deliveries" example:"2" doc:"How many endpoints it goes to, suppressed ones not counted."`
	Duplicate  bool   `json:"duplicate" doc:"Whether it was accepted before."`
}

// AcceptedBatch is the answer for a batch, in its order.
type AcceptedBatch struct {
	Data []Accepted `json:"data" nullable:"false"`
}

func (a *api) publishRoute() {
	a.mux.HandleFunc("POST /v1/events", a.publish)
	a.describePublish()
}

// publish takes events in. It is the hot route, and so does without huma: nothing is
// logged, and the answer is written by hand.
func (a *api) publish(w http.ResponseWriter, r *http.Request) {
	who, err := a.authorize(r, peal.Publisher)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	body := intakeBody{intake: &a.intake}
	defer body.release()
	if err := a.readEvents(w, r, &body); err != nil {
		a.fail(w, r, err)
		return
	}
	inputs, batch, ok, err := publish.ParseCloudEvents(r.Header, body.raw)
	if !ok {
		inputs, batch, err = publish.ParseJSON(body.raw)
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	accepted, err := a.Publisher.Publish(r.Context(), publish.Request{Org: who.Org, Inputs: inputs, Key: r.Header.Get("Idempotency-Key")})
	if err != nil {
		a.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	// The client may be gone; what it sent is accepted all the same.
	_, _ = w.Write(appendAnswer(make([]byte, 0, 96*len(accepted.Events)+16), accepted, batch))
}

// readEvents reads a body of at most the batch's limit, or the single event's where
// it holds no array.
func (a *api) readEvents(w http.ResponseWriter, r *http.Request, body *intakeBody) error {
	limit := int64(a.MaxEventBytes) * batchFactor
	tooLarge := peal.Errorf(peal.CodeTooLarge, "the body is too large: an event has at most %d bytes, a batch %d", a.MaxEventBytes, limit)
	if r.ContentLength > limit {
		w.Header().Set("Connection", "close")
		return tooLarge
	}
	if err := body.read(http.MaxBytesReader(w, r.Body, limit), r.ContentLength); err != nil {
		return bodyError(err, tooLarge)
	}
	if len(body.raw) > a.MaxEventBytes*singleFactor && !bytes.HasPrefix(bytes.TrimLeft(body.raw, " \t\r\n"), []byte("[")) {
		return tooLarge
	}
	return nil
}

func bodyError(err, tooLarge error) error {
	var known *peal.Error
	if errors.As(err, &known) {
		return err
	}
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return tooLarge
	}
	var slow net.Error
	if errors.As(err, &slow) && slow.Timeout() {
		return newProblem(codeTimeout, "the body did not arrive in time")
	}
	return peal.Wrap(peal.CodeInvalid, err, "the body could not be read")
}

// appendAnswer writes {id, deliveries, duplicate}, of a batch all of them in a list.
func appendAnswer(dst []byte, accepted publish.Answer, batch bool) []byte {
	if batch {
		dst = append(dst, `{"data":[`...)
	}
	for i, e := range accepted.Events {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"id":`...)
		dst = strictjson.AppendString(dst, e.ID)
		dst = append(dst, `,"deliveries":`...)
		dst = strconv.AppendInt(dst, int64(e.Deliveries), 10)
		dst = append(dst, `,"duplicate":`...)
		dst = strconv.AppendBool(dst, e.Duplicate)
		dst = append(dst, '}')
	}
	if batch {
		dst = append(dst, "]}"...)
	}
	return append(dst, '\n')
}
