package api

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
)

// RuleFields are what a rule may have, by its kind.
type RuleFields struct {
	Name       string        `json:"name,omitempty" maxLength:"256" example:"research"`
	Disabled   bool          `json:"disabled,omitempty" doc:"Keeps the rule without holding anything against it."`
	Scope      peal.Scope    `json:"scope,omitempty" enum:"org,team,key,user" example:"org" doc:"What is counted together. A budget's: org, team or key; a quota's: user, key or org; a rate limit's, approval's or list of models': any."`
	Ref        Label         `json:"ref,omitempty" doc:"The one team, key or user; without it, each alone."`
	Period     string        `json:"period,omitempty" enum:"daily,monthly,month" example:"daily" doc:"A budget's: daily or monthly; a quota's: month."`
	Limit      *Limit        `json:"limit,omitempty" example:"\"50.00\"" doc:"What a budget allows in the period, or how many requests a quota does."`
	Thresholds []int         `json:"thresholds,omitempty" nullable:"false" example:"[50,75,90]" doc:"Percentages of the limit that are told. Without them: a budget's 50, 75, 90 (nemo: 50, 80, 100), a quota's 90."`
	Hierarchy  *bool         `json:"hierarchy,omitempty" doc:"Whether a budget's thresholds are told as budget_hierarchy_alert. Without it: those of teams and keys."`
	Threshold  *Amount       `json:"threshold,omitempty" doc:"A balance's: told below it. An approval's: a person is asked above it."`
	RPM        int64         `json:"rpm,omitempty" doc:"Requests a minute."`
	TPM        int64         `json:"tpm,omitempty" doc:"Tokens a minute."`
	Repeated   *RuleRepeated `json:"repeated,omitempty" doc:"Tells rate_limit.repeated after so many hits. Without it: in nemo after 5 within 5m."`
	Allow      []string      `json:"allow,omitempty" nullable:"false" doc:"The models that are allowed, with * for any text, such as gpt-4*."`
	Expires    string        `json:"expires,omitempty" doc:"How long an approval is waited for; 1h where absent."`
	Route      Label         `json:"route,omitempty" doc:"The one route; without it, each has a circuit."`
	Failures   int           `json:"failures,omitempty" doc:"So many failures open a circuit."`
	Window     string        `json:"window,omitempty" doc:"Within this time, such as 1m."`
	Cooldown   string        `json:"cooldown,omitempty" doc:"So long, such as 30s, it stays open until a request decides."`
	DetectionFields
}

// RuleRepeated is when hits of a limit are told.
type RuleRepeated struct {
	Hits   int    `json:"hits"`
	Within string `json:"within" doc:"A duration such as 5m."`
}

// RuleCreate makes a rule.
type RuleCreate struct {
	Kind peal.RuleKind `json:"kind" enum:"budget,balance,quota,rate_limit,models,approval,circuit,anomaly,cost_leak" example:"budget"`
	RuleFields
}

// RulePatch changes a rule.
type RulePatch struct {
	Name       Change[string]        `json:"name,omitzero"`
	Disabled   Change[bool]          `json:"disabled,omitzero"`
	Scope      Change[peal.Scope]    `json:"scope,omitzero"`
	Ref        Change[Label]         `json:"ref,omitzero"`
	Period     Change[string]        `json:"period,omitzero"`
	Limit      Change[Amount]        `json:"limit,omitzero" example:"\"75.00\""`
	Thresholds Change[[]int]         `json:"thresholds,omitzero"`
	Hierarchy  Change[*bool]         `json:"hierarchy,omitzero"`
	Threshold  Change[Amount]        `json:"threshold,omitzero"`
	RPM        Change[int64]         `json:"rpm,omitzero"`
	TPM        Change[int64]         `json:"tpm,omitzero"`
	Repeated   Change[*RuleRepeated] `json:"repeated,omitzero"`
	Allow      Change[[]string]      `json:"allow,omitzero"`
	Expires    Change[string]        `json:"expires,omitzero"`
	Route      Change[Label]         `json:"route,omitzero"`
	Failures   Change[int]           `json:"failures,omitzero"`
	Window     Change[string]        `json:"window,omitzero"`
	Cooldown   Change[string]        `json:"cooldown,omitzero"`
	DetectionPatch
}

// Rule is a rule as it is kept.
type Rule struct {
	ID   string        `json:"id" example:"rule_01h455vb4pex5vsknk084sn02q"`
	Kind peal.RuleKind `json:"kind"`
	RuleFields
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// RulePath names a rule.
type RulePath struct {
	ID string `path:"id" example:"rule_01h455vb4pex5vsknk084sn02q"`
}

func showRule(r *peal.Rule) Rule {
	f := RuleFields{
		Name: r.Name, Disabled: r.Disabled, Scope: r.Scope, Ref: Label(r.Ref), Period: r.Period, Thresholds: r.Thresholds, Hierarchy: r.Hierarchy,
		RPM: r.RPM, TPM: r.TPM, Allow: r.Allow, Expires: durationText(r.Expires), Route: Label(r.Route), Failures: r.Failures,
		Window: durationText(r.Window), Cooldown: durationText(r.Cooldown), DetectionFields: showDetection(r),
	}
	if r.Limit != 0 {
		f.Limit = &Limit{r.Limit, r.Kind == peal.RuleQuota}
	}
	if r.Threshold != 0 || r.Kind == peal.RuleApproval {
		f.Threshold = new(Amount(r.Threshold))
	}
	if r.Repeated != nil {
		f.Repeated = &RuleRepeated{r.Repeated.Hits, r.Repeated.Within.String()}
	}
	return Rule{r.ID.String(), r.Kind, f, r.CreatedAt.UTC(), r.UpdatedAt.UTC()}
}

func durationText(d peal.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

func (in *RuleCreate) rule(org string) (peal.Rule, error) {
	r := peal.Rule{
		Org: org, Kind: in.Kind, Name: in.Name, Disabled: in.Disabled, Scope: in.Scope, Ref: string(in.Ref), Period: in.Period,
		Thresholds: in.Thresholds, Hierarchy: in.Hierarchy, RPM: in.RPM, TPM: in.TPM, Allow: in.Allow, Route: string(in.Route), Failures: in.Failures,
	}
	if in.Limit != nil {
		r.Limit = in.Limit.Decimal
	}
	if in.Threshold != nil {
		r.Threshold = peal.Decimal(*in.Threshold)
	} else if in.Kind == peal.RuleApproval {
		return r, peal.Invalid("threshold", "threshold is required: the cost above which a person is asked")
	}
	var err error
	if r.Repeated, err = in.Repeated.repeated(); err != nil {
		return r, err
	}
	if err := in.detect(&r); err != nil {
		return r, err
	}
	return r, cmp.Or(
		setDuration(&r.Expires, "expires", in.Expires), setDuration(&r.Window, "window", in.Window), setDuration(&r.Cooldown, "cooldown", in.Cooldown),
	)
}

func (in *RuleRepeated) repeated() (*peal.Repeated, error) {
	if in == nil {
		return nil, nil
	}
	r := &peal.Repeated{Hits: in.Hits}
	return r, setDuration(&r.Within, "repeated.within", in.Within)
}

func setDuration(into *peal.Duration, field, text string) error {
	*into = 0
	if text == "" {
		return nil
	}
	d, err := duration(field, text)
	*into = peal.Duration(d)
	return err
}

// apply changes a rule; what is set to null is as if it had never been set.
func (in *RulePatch) apply(r *peal.Rule) error {
	in.Name.apply(&r.Name)
	in.Disabled.apply(&r.Disabled)
	in.Scope.apply(&r.Scope)
	in.Ref.apply((*Label)(&r.Ref))
	in.Period.apply(&r.Period)
	in.Limit.apply((*Amount)(&r.Limit))
	in.Thresholds.apply(&r.Thresholds)
	in.Hierarchy.apply(&r.Hierarchy)
	in.Threshold.apply((*Amount)(&r.Threshold))
	in.RPM.apply(&r.RPM)
	in.TPM.apply(&r.TPM)
	in.Allow.apply(&r.Allow)
	in.Route.apply((*Label)(&r.Route))
	in.Failures.apply(&r.Failures)
	if err := in.detect(r); err != nil {
		return err
	}
	if in.Repeated.Set {
		var err error
		if r.Repeated, err = in.Repeated.Value.repeated(); err != nil {
			return err
		}
	}
	for _, d := range []struct {
		change Change[string]
		into   *peal.Duration
		field  string
	}{{in.Expires, &r.Expires, "expires"}, {in.Window, &r.Window, "window"}, {in.Cooldown, &r.Cooldown, "cooldown"}} {
		if d.change.Set {
			if err := setDuration(d.into, d.field, d.change.Value); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *api) ruleRoutes() {
	tags := []string{"Governance"}
	register(a, peal.Admin, huma.Operation{
		OperationID: "create-rule", Method: http.MethodPost, Path: "/v1/rules", Tags: tags, DefaultStatus: http.StatusCreated,
		Summary: "Make a rule", Description: "Fields that the kind does not have are refused.", Errors: []int{http.StatusConflict},
	}, func(ctx context.Context, who auth.Identity, in *struct{ Body RuleCreate }) (*body[Rule], error) {
		r, err := in.Body.rule(who.Org)
		if err != nil {
			return nil, err
		}
		created, err := a.Settings.CreateRule(ctx, who.Actor, r)
		return answerShown(created, err, showRule)
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "list-rules", Method: http.MethodGet, Path: "/v1/rules", Tags: tags, Summary: "List rules",
	}, func(_ context.Context, who auth.Identity, in *PageQuery) (*body[List[Rule]], error) {
		return listObjects(a, directory.Rules, who, in, showRule)
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "get-rule", Method: http.MethodGet, Path: "/v1/rules/{id}", Tags: tags, Summary: "Get a rule",
	}, func(_ context.Context, who auth.Identity, in *RulePath) (*body[Rule], error) {
		return getObject(a, directory.Rules, who, in.ID, showRule)
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "update-rule", Method: http.MethodPatch, Path: "/v1/rules/{id}", Tags: tags,
		Summary: "Change a rule", Description: "What was told under another limit may be told again under the new one.",
	}, func(ctx context.Context, who auth.Identity, in *struct {
		RulePath
		Body RulePatch
	},
	) (*body[Rule], error) {
		r, err := a.Settings.UpdateRule(ctx, who.Actor, who.Org, in.ID, in.Body.apply)
		return answerShown(r, err, showRule)
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "delete-rule", Method: http.MethodDelete, Path: "/v1/rules/{id}", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "Delete a rule",
	}, func(ctx context.Context, who auth.Identity, in *RulePath) (*none, error) {
		return nil, a.Settings.DeleteRule(ctx, who.Actor, who.Org, in.ID)
	})
}
