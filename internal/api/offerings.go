package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/directory"
	"github.com/peal-dev/peal/internal/peal"
)

// Offering is something that can be requested.
type Offering struct {
	ID          peal.OfferingID `json:"id" example:"svc_01h455vb4pex5vsknk084sn02q"`
	Name        string          `json:"name" example:"New laptop"`
	Description string          `json:"description"`
	Workflow    *string         `json:"workflow" example:"wf_01h455vb4pex5vsknk084sn02q" doc:"What each request starts."`
	SLA         *SLA            `json:"sla" doc:"How soon requests are to be dealt with."`
	CreatedAt   time.Time       `json:"created_at"`
	UpdatedAt   time.Time       `json:"updated_at"`
}

// SLA is how soon requests are to be dealt with.
type SLA struct {
	Accept       string        `json:"accept,omitempty" example:"4h" doc:"The time until a request is accepted, from when it is made."`
	Complete     string        `json:"complete,omitempty" example:"48h" doc:"The time until it is completed, from when it is made."`
	WarnAt       *float64      `json:"warn_at,omitempty" example:"0.8" doc:"The share of a target after which sla.warning is raised; 0.8 where absent."`
	WorkingHours *WorkingHours `json:"working_hours,omitempty" doc:"When the time runs; always where absent."`
}

// WorkingHours are when the time of an SLA runs.
type WorkingHours struct {
	Days     []string `json:"days" nullable:"false" example:"[\"mon\",\"tue\",\"wed\",\"thu\",\"fri\"]" doc:"mon, tue, wed, thu, fri, sat, sun."`
	From     string   `json:"from" example:"09:00"`
	To       string   `json:"to" example:"17:00" doc:"At least an hour later on the same day; 24:00 is its end."`
	TimeZone string   `json:"time_zone" example:"Europe/Zurich" doc:"A zone of the IANA database."`
}

// OfferingCreate makes an offering.
type OfferingCreate struct {
	Name        string `json:"name" example:"New laptop"`
	Description string `json:"description,omitempty"`
	Workflow    string `json:"workflow,omitempty" example:"wf_01h455vb4pex5vsknk084sn02q" doc:"What each request starts; its templates see the request."`
	SLA         *SLA   `json:"sla,omitempty"`
}

// OfferingPatch changes an offering.
type OfferingPatch struct {
	Name        Change[string] `json:"name,omitempty"`
	Description Change[string] `json:"description,omitempty"`
	Workflow    Change[string] `json:"workflow,omitempty"`
	SLA         Change[*SLA]   `json:"sla,omitempty"`
}

// OfferingPath names an offering.
type OfferingPath struct {
	ID string `path:"id" example:"svc_01h455vb4pex5vsknk084sn02q"`
}

func showOffering(o *peal.Offering) Offering {
	out := Offering{ID: o.ID, Name: o.Name, Description: o.Description, SLA: showSLA(o.SLA), CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt}
	if !o.Workflow.IsZero() {
		out.Workflow = new(o.Workflow.String())
	}
	return out
}

func showSLA(s *peal.SLA) *SLA {
	if s == nil {
		return nil
	}
	out := &SLA{WarnAt: &s.WarnAt}
	if s.Accept > 0 {
		out.Accept = s.Accept.String()
	}
	if s.Complete > 0 {
		out.Complete = s.Complete.String()
	}
	if h := s.Hours; h != nil {
		out.WorkingHours = &WorkingHours{h.Days, h.From, h.To, h.Zone}
	}
	return out
}

// read makes the domain's SLA of what a client says.
func (s *SLA) read() (*peal.SLA, error) {
	if s == nil {
		return nil, nil
	}
	out := &peal.SLA{WarnAt: peal.DefaultWarnAt}
	for _, f := range []struct {
		name, text string
		to         *peal.Duration
	}{{"sla.accept", s.Accept, &out.Accept}, {"sla.complete", s.Complete, &out.Complete}} {
		if f.text == "" {
			continue
		}
		d, err := duration(f.name, f.text)
		if err == nil && d <= 0 {
			err = peal.Invalid(f.name, "%s is more than 0", f.name)
		}
		if err != nil {
			return nil, err
		}
		*f.to = peal.Duration(d)
	}
	if s.WarnAt != nil {
		out.WarnAt = *s.WarnAt
	}
	if h := s.WorkingHours; h != nil {
		out.Hours = &peal.WorkingHours{Days: h.Days, From: h.From, To: h.To, Zone: h.TimeZone}
	}
	return out, nil
}

func (a *api) offering(who auth.Identity, id string) (*peal.Offering, error) {
	if o, ok := directory.Offerings.Get(a.Directory, who.Org, id); ok {
		return o, nil
	}
	return nil, peal.NotFound("offering")
}

func (a *api) offeringRoutes() {
	tags := []string{"Offerings"}
	register(a, peal.Admin, huma.Operation{
		OperationID: "create-offering", Method: http.MethodPost, Path: "/v1/offerings", Tags: tags, DefaultStatus: http.StatusCreated,
		Summary: "Create an offering", Description: "Something that can be requested, with how soon that is to be dealt with and the workflow that does.",
	}, func(ctx context.Context, who auth.Identity, in *struct{ Body OfferingCreate }) (*body[Offering], error) {
		o := peal.Offering{Org: who.Org, Name: in.Body.Name, Description: in.Body.Description}
		var err error
		if o.Workflow, err = workflowID(in.Body.Workflow); err != nil {
			return nil, err
		}
		if o.SLA, err = in.Body.SLA.read(); err != nil {
			return nil, err
		}
		made, err := a.Settings.CreateOffering(ctx, who.Actor, o)
		if err != nil {
			return nil, err
		}
		return &body[Offering]{showOffering(made)}, nil
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "list-offerings", Method: http.MethodGet, Path: "/v1/offerings", Tags: tags, Summary: "List offerings",
	}, func(_ context.Context, who auth.Identity, in *PageQuery) (*body[List[Offering]], error) {
		return listObjects(a, directory.Offerings, who, in, showOffering)
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "get-offering", Method: http.MethodGet, Path: "/v1/offerings/{id}", Tags: tags, Summary: "Get an offering",
	}, func(_ context.Context, who auth.Identity, in *OfferingPath) (*body[Offering], error) {
		o, err := a.offering(who, in.ID)
		if err != nil {
			return nil, err
		}
		return &body[Offering]{showOffering(o)}, nil
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "update-offering", Method: http.MethodPatch, Path: "/v1/offerings/{id}", Tags: tags,
		Summary: "Change an offering", Description: "What is absent stays; null resets it. Requests that were opened keep their targets.",
	}, func(ctx context.Context, who auth.Identity, in *struct {
		OfferingPath
		Body OfferingPatch
	},
	) (*body[Offering], error) {
		o, err := a.offering(who, in.ID)
		if err != nil {
			return nil, err
		}
		o, err = a.Settings.UpdateOffering(ctx, who.Actor, who.Org, o.ID, in.Body.apply)
		if err != nil {
			return nil, err
		}
		return &body[Offering]{showOffering(o)}, nil
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "delete-offering", Method: http.MethodDelete, Path: "/v1/offerings/{id}", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "Delete an offering", Description: "One that no hook names. Its requests stay, and keep their targets.", Errors: []int{http.StatusConflict},
	}, func(ctx context.Context, who auth.Identity, in *OfferingPath) (*none, error) {
		o, err := a.offering(who, in.ID)
		if err != nil {
			return nil, err
		}
		return nil, a.Settings.DeleteOffering(ctx, who.Actor, who.Org, o.ID)
	})
}

func (p *OfferingPatch) apply(o *peal.Offering) (err error) {
	p.Name.apply(&o.Name)
	p.Description.apply(&o.Description)
	if p.Workflow.Set {
		if o.Workflow, err = workflowID(p.Workflow.Value); err != nil {
			return err
		}
	}
	if p.SLA.Set {
		o.SLA, err = p.SLA.Value.read()
	}
	return err
}
