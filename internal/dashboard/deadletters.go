package dashboard

import (
	"net/http"
	"net/url"
	"time"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/peal"
)

// The forms of dead letters are about those that were chosen, or about all that the filter
// selects.
func (d *Dashboard) deadLetterRoutes(a area) {
	a.handle("GET /dead-letters", auth.FeatureDeliveries, func(v *visit) error {
		return v.deliveries("deadletters", "Dead letters", peal.Dead)
	})
	a.handle("POST /dead-letters/retry", auth.FeatureRetry, func(v *visit) error {
		if v.r.PostFormValue("all") != "" {
			filter := v.shownDeadLetters()
			filter["status"] = string(peal.Dead)
			if err := v.do(http.MethodPost, "/v1/replays", map[string]any{"filter": filter}, nil); err != nil {
				return err
			}
			return v.redirect(v.deadLettersPage(), "replayed")
		}
		chosen := v.r.PostForm["delivery"]
		var refused error
		for _, id := range chosen { // one that cannot be retried does not keep the others
			if err := v.do(http.MethodPost, "/v1/deliveries/"+url.PathEscape(id)+"/retry", nil, nil); err != nil {
				refused = err
			}
		}
		if refused != nil {
			return refused
		}
		return v.redirect(v.deadLettersPage(), noteOf(len(chosen), "retried"))
	})
	a.handle("POST /dead-letters/discard", auth.FeatureRetry, func(v *visit) error {
		body := map[string]any{"filter": v.shownDeadLetters()}
		if v.r.PostFormValue("all") == "" {
			chosen := v.r.PostForm["delivery"]
			if len(chosen) == 0 {
				return v.redirect(v.deadLettersPage(), "none")
			}
			body = map[string]any{"deliveries": chosen}
		}
		var discarded struct {
			Finished bool `json:"finished"`
		}
		if err := v.do(http.MethodPost, "/v1/discards", body, &discarded); err != nil {
			return err
		}
		if !discarded.Finished {
			return v.redirect(v.deadLettersPage(), "discarding")
		}
		return v.redirect(v.deadLettersPage(), "discarded")
	})
}

// noteOf is what to say of a form that chose so many.
func noteOf(chosen int, note string) string {
	if chosen == 0 {
		return "none"
	}
	return note
}

// deadLetters is the filter that the form carries.
func (v *visit) deadLetters() map[string]string {
	filter := map[string]string{}
	for _, name := range []string{"endpoint", "type", "since", "until"} {
		if value := v.r.PostFormValue(name); value != "" {
			filter[name] = value
		}
	}
	return filter
}

// shownDeadLetters is the filter for all that it selects, but for deliveries made since the
// page was shown: nobody has seen them.
func (v *visit) shownDeadLetters() map[string]string {
	filter := v.deadLetters()
	shown, err := time.Parse(time.RFC3339Nano, v.r.PostFormValue("shown"))
	until, none := time.Parse(time.RFC3339Nano, filter["until"])
	if err == nil && (none != nil || shown.Before(until)) {
		filter["until"] = shown.Format(time.RFC3339Nano)
	}
	return filter
}

// deadLettersPage is the address of the list that the form stood in.
func (v *visit) deadLettersPage() string {
	q := url.Values{}
	for name, value := range v.deadLetters() {
		q.Set(name, value)
	}
	if len(q) == 0 {
		return "/dead-letters"
	}
	return "/dead-letters?" + q.Encode()
}
