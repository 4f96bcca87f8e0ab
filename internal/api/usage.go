package api

import (
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/peal"
)

// UsageRecord is what a gateway used.
type UsageRecord struct {
	ID       string    `json:"id,omitempty" maxLength:"256" example:"req_9f2c41" doc:"Unique in the org; a record whose id was reported before is not counted again."`
	Time     time.Time `json:"time,omitzero" doc:"When; now where absent. Late records count in their own period."`
	Team     Label     `json:"team,omitempty" example:"\"research\""`
	Key      Label     `json:"key,omitempty" example:"\"prod-chat\""`
	Agent    Label     `json:"agent,omitempty"`
	User     Label     `json:"user,omitempty" example:"\"42\""`
	Route    Label     `json:"route,omitempty" example:"\"chat-completions\""`
	Model    Label     `json:"model,omitempty" example:"\"gpt-4.1\""`
	Requests int64     `json:"requests,omitempty" default:"1" minimum:"0" maximum:"1000000000"`
	Tokens   int64     `json:"tokens,omitempty" minimum:"0" maximum:"1000000000"`
	Cost     Amount    `json:"cost,omitempty" example:"\"0.0125\""`
	Status   Outcome   `json:"status,omitzero"`
}

// UsageAccepted is the answer to a report.
type UsageAccepted struct {
	Accepted   int `json:"accepted" doc:"Records that were counted."`
	Duplicates int `json:"duplicates" doc:"Records whose ids were reported before."`
}

// UsageSum is a row of a summary.
type UsageSum struct {
	Start    time.Time `json:"start" doc:"Where the period begins."`
	Team     *string   `json:"team,omitempty"`
	Key      *string   `json:"key,omitempty"`
	Agent    *string   `json:"agent,omitempty"`
	User     *string   `json:"user,omitempty"`
	Route    *string   `json:"route,omitempty"`
	Model    *string   `json:"model,omitempty"`
	Requests int64     `json:"requests"`
	Failed   int64     `json:"failed" doc:"Those of the requests that failed."`
	Tokens   int64     `json:"tokens"`
	Cost     Amount    `json:"cost"`
}

func showUsage(by []string) func(governance.UsageSum) UsageSum {
	return func(s governance.UsageSum) UsageSum {
		out := UsageSum{Start: s.Start.UTC(), Requests: s.Requests, Failed: s.Failed, Tokens: s.Tokens, Cost: Amount(s.Cost)}
		into := map[string]**string{
			"team": &out.Team, "key": &out.Key, "agent": &out.Agent, "user": &out.User, "route": &out.Route, "model": &out.Model,
		}
		for i, d := range by {
			*into[d] = &s.By[i]
		}
		return out
	}
}

// maxUsageBytes bounds the body of a report.
const maxUsageBytes = 4 << 20

func (a *api) usageRoutes() {
	a.mux.HandleFunc("POST /v1/usage", a.reportUsage)
	a.describeUsage()
	register(a, peal.Viewer, huma.Operation{
		OperationID: "summarize-usage", Method: http.MethodGet, Path: "/v1/usage/summary", Tags: []string{"Governance"},
		Summary:     "Sum usage up",
		Description: "By any dimensions, by the org's calendar. At most 5,000 rows, in the order of time, then of cost.",
	}, func(ctx context.Context, who auth.Identity, in *struct {
		By     []string  `query:"by" example:"team,model" doc:"Some of team, key, agent, user, route and model, with commas."`
		Period string    `query:"period" enum:"hour,day,month" doc:"Divides the time; without it, one sum for the whole."`
		Since  time.Time `query:"since" doc:"The hour that this is in, and later; the beginning of the billing month where absent."`
		Until  time.Time `query:"until" doc:"Hours that begin before; now where absent."`
	},
	) (*body[List[UsageSum]], error) {
		by := strings.FieldsFunc(strings.Join(in.By, ","), func(r rune) bool { return r == ',' })
		rows, err := a.Governance.Summarize(ctx, who.Org, governance.Summary{By: by, Period: in.Period, Since: in.Since, Until: in.Until})
		if err != nil {
			return nil, err
		}
		return listOf(rows, "", showUsage(by)), nil
	})
}

// reportUsage takes usage in. Like publish, it does without huma.
func (a *api) reportUsage(w http.ResponseWriter, r *http.Request) {
	who, err := a.authorize(r, peal.Publisher)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	body := intakeBody{intake: &a.intake}
	defer body.release()
	tooLarge := peal.Errorf(peal.CodeTooLarge, "the body is too large: a report has at most %d bytes", maxUsageBytes)
	if r.ContentLength > maxUsageBytes {
		w.Header().Set("Connection", "close")
		a.fail(w, r, tooLarge)
		return
	}
	if err := body.read(http.MaxBytesReader(w, r.Body, maxUsageBytes), r.ContentLength); err != nil {
		a.fail(w, r, bodyError(err, tooLarge))
		return
	}
	lines, err := isLines(r.Header.Get("Content-Type"))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	records, err := governance.ParseUsage(body.raw, lines, a.Now())
	if err != nil {
		a.fail(w, r, err)
		return
	}
	duplicates, err := a.Governance.Report(r.Context(), who.Org, records)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	// The client may be gone; what it sent is counted all the same.
	_ = json.NewEncoder(w).Encode(UsageAccepted{len(records) - duplicates, duplicates})
}

// isLines tells whether a body holds a record on each line.
func isLines(contentType string) (bool, error) {
	media, _, err := mime.ParseMediaType(contentType)
	switch {
	case err == nil && (media == "application/x-ndjson" || media == "application/ndjson" || media == "application/jsonl"):
		return true, nil
	case err == nil && media == "application/json":
		return false, nil
	}
	return false, peal.Errorf(peal.CodeUnsupported, "usage is application/json or application/x-ndjson")
}

// describeUsage adds the hot route to the document.
func (a *api) describeUsage() {
	registry := a.huma.OpenAPI().Components.Schemas
	schema := func(t reflect.Type) *huma.Schema { return registry.Schema(t, true, "") }
	record := schema(reflect.TypeFor[UsageRecord]())
	problem := map[string]*huma.MediaType{"application/problem+json": {Schema: schema(reflect.TypeFor[Problem]())}}
	op := &huma.Operation{
		OperationID: "report-usage", Method: http.MethodPost, Path: "/v1/usage", Tags: []string{"Governance"},
		Security: []map[string][]string{{"key": {}}},
		Summary:  "Report usage",
		Description: describe("Answered after the records are durable. All or nothing: at most 10,000 records and 4 MiB. Records that are "+
			"reported again with their id are not counted again for 24 hours at least, and those without an id always are.", peal.Publisher),
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/json": {
				Schema:  &huma.Schema{Type: "array", Items: record, MaxItems: new(governance.MaxRecords)},
				Example: []any{map[string]any{"id": "req_9f2c41", "key": "prod-chat", "model": "gpt-4.1", "tokens": 1200, "cost": "0.0125"}},
			},
			"application/x-ndjson": {Schema: &huma.Schema{Type: "string", Description: "A record on each line."}},
		}},
		Responses: map[string]*huma.Response{"202": {
			Description: "Accepted",
			Content:     map[string]*huma.MediaType{"application/json": {Schema: schema(reflect.TypeFor[UsageAccepted]())}},
		}},
	}
	for _, code := range []int{400, 401, 403, 404, 408, 413, 415, 429, 503} {
		op.Responses[strconv.Itoa(code)] = &huma.Response{Description: http.StatusText(code), Content: problem}
	}
	a.huma.OpenAPI().AddOperation(op)
}
