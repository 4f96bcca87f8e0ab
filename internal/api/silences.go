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

// SilenceMatch selects the deliveries that a silence holds back.
type SilenceMatch struct {
	Match
	Endpoints []string `json:"endpoints,omitempty" nullable:"true" example:"ep_01h455vb4pex5vsknk084sn02q" doc:"Endpoints by id; absent for all of the org."`
}

// Silence holds back deliveries for some time.
type Silence struct {
	ID        peal.SilenceID     `json:"id" example:"sil_01h455vb4pex5vsknk084sn02q"`
	Match     SilenceMatch       `json:"match"`
	From      time.Time          `json:"from"`
	Until     time.Time          `json:"until"`
	Comment   string             `json:"comment" example:"Planned maintenance"`
	CreatedBy string             `json:"created_by" example:"key_01h455vb4pex5vsknk084sn02q" doc:"Who made it, as in the audit trail."`
	Status    peal.SilenceStatus `json:"status" enum:"pending,active,ended" example:"active"`
	CreatedAt time.Time          `json:"created_at"`
	UpdatedAt time.Time          `json:"updated_at"`
}

// SilenceCreate makes a silence.
type SilenceCreate struct {
	Match   SilenceMatch `json:"match,omitempty" doc:"Absent matches every delivery."`
	From    time.Time    `json:"from,omitzero" example:"2099-01-01T00:00:00Z" doc:"Now where absent."`
	Until   time.Time    `json:"until" example:"2099-01-01T02:00:00Z" doc:"The first moment after it."`
	Comment string       `json:"comment,omitempty" example:"Planned maintenance" doc:"Why."`
}

// SilencePatch changes a silence that has not ended. What is absent stays.
type SilencePatch struct {
	Match   *SilenceMatch `json:"match,omitempty" doc:"Replaces all of it."`
	From    *time.Time    `json:"from,omitempty"`
	Until   *time.Time    `json:"until,omitempty" example:"2099-01-01T04:00:00Z"`
	Comment *string       `json:"comment,omitempty" example:"It takes longer"`
}

// SilencePath names a silence.
type SilencePath struct {
	ID string `path:"id" example:"sil_01h455vb4pex5vsknk084sn02q"`
}

func (a *api) showSilence(s *peal.Silence) Silence {
	out := Silence{
		ID: s.ID, Match: SilenceMatch{Match: showMatch(&s.Match)}, From: s.From.UTC(), Until: s.Until.UTC(), Comment: s.Comment,
		CreatedBy: s.CreatedBy, Status: s.Status(a.Now()), CreatedAt: s.CreatedAt.UTC(), UpdatedAt: s.UpdatedAt.UTC(),
	}
	for _, id := range s.Endpoints {
		out.Match.Endpoints = append(out.Match.Endpoints, id.String())
	}
	return out
}

func (a *api) shownSilence(s *peal.Silence, err error) (*body[Silence], error) {
	if err != nil {
		return nil, err
	}
	return &body[Silence]{a.showSilence(s)}, nil
}

// setMatch replaces what the silence matches.
func (a *api) setMatch(who auth.Identity, s *peal.Silence, m *SilenceMatch) (err error) {
	s.Match = m.domain()
	s.Endpoints, err = a.endpointsNamed(who, m.Endpoints)
	return err
}

func (a *api) silenceRoutes() {
	tags := []string{"Silences"}
	register(a, peal.Admin, huma.Operation{
		OperationID: "create-silence", Method: http.MethodPost, Path: "/v1/silences", Tags: tags, DefaultStatus: http.StatusCreated,
		Summary: "Silence deliveries for some time", Errors: []int{http.StatusConflict},
		Description: "What it matches of the events that are accepted meanwhile is suppressed, with its id in the delivery's reason. Tests, retries and replays by hand pass.",
	}, func(ctx context.Context, who auth.Identity, in *struct{ Body SilenceCreate }) (*body[Silence], error) {
		s := peal.Silence{Org: who.Org, From: in.Body.From.UTC(), Until: in.Body.Until.UTC(), Comment: in.Body.Comment}
		if err := a.setMatch(who, &s, &in.Body.Match); err != nil {
			return nil, err
		}
		return a.shownSilence(a.Settings.CreateSilence(ctx, who.Actor, s))
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "list-silences", Method: http.MethodGet, Path: "/v1/silences", Tags: tags,
		Summary: "List silences", Description: "Ended ones too, for 90 days.",
	}, func(_ context.Context, who auth.Identity, in *PageQuery) (*body[List[Silence]], error) {
		return listObjects(a, directory.Silences, who, in, a.showSilence)
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "get-silence", Method: http.MethodGet, Path: "/v1/silences/{id}", Tags: tags, Summary: "Get a silence",
	}, func(_ context.Context, who auth.Identity, in *SilencePath) (*body[Silence], error) {
		return getObject(a, directory.Silences, who, in.ID, a.showSilence)
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "update-silence", Method: http.MethodPatch, Path: "/v1/silences/{id}", Tags: tags,
		Summary: "Change a silence that has not ended", Errors: []int{http.StatusConflict},
	}, func(ctx context.Context, who auth.Identity, in *struct {
		SilencePath
		Body SilencePatch
	},
	) (*body[Silence], error) {
		id, err := pathID(peal.ParseSilenceID, in.ID, "silence")
		if err != nil {
			return nil, err
		}
		return a.shownSilence(a.Settings.UpdateSilence(ctx, who.Actor, who.Org, id, func(s *peal.Silence) error {
			return a.changeSilence(who, s, &in.Body)
		}))
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "end-silence", Method: http.MethodDelete, Path: "/v1/silences/{id}", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "End a silence", Description: "One that is active ends now and stays in the list; another is deleted.",
	}, func(ctx context.Context, who auth.Identity, in *SilencePath) (*none, error) {
		id, err := pathID(peal.ParseSilenceID, in.ID, "silence")
		if err != nil {
			return nil, err
		}
		return nil, a.Settings.EndSilence(ctx, who.Actor, who.Org, id)
	})
}

func (a *api) changeSilence(who auth.Identity, s *peal.Silence, in *SilencePatch) error {
	if in.From != nil {
		s.From = in.From.UTC()
	}
	if in.Until != nil {
		s.Until = in.Until.UTC()
	}
	if in.Comment != nil {
		s.Comment = *in.Comment
	}
	if in.Match != nil {
		return a.setMatch(who, s, in.Match)
	}
	return nil
}
