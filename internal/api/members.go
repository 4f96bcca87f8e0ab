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

// Member is a person who belongs to an org.
type Member struct {
	ID        string    `json:"id" example:"mem_01h455vb4pex5vsknk084sn02q"`
	Email     string    `json:"email" example:"grace@example.com"`
	Role      peal.Role `json:"role" enum:"viewer,publisher,admin"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// MemberCreate adds a member.
type MemberCreate struct {
	Email string    `json:"email" maxLength:"256" example:"grace@example.com"`
	Role  peal.Role `json:"role" enum:"viewer,publisher,admin"`
}

// MemberPatch changes a member.
type MemberPatch struct {
	Role peal.Role `json:"role" enum:"viewer,publisher,admin"`
}

// MemberPath names a member.
type MemberPath struct {
	ID string `path:"id" example:"mem_01h455vb4pex5vsknk084sn02q"`
}

func showMember(m *peal.Member) Member {
	return Member{m.ID.String(), m.Email, m.Role, m.CreatedAt.UTC(), m.UpdatedAt.UTC()}
}

func (a *api) memberRoutes() {
	tags := []string{"Members"}
	register(a, peal.Admin, huma.Operation{
		OperationID: "create-member", Method: http.MethodPost, Path: "/v1/members", Tags: tags, DefaultStatus: http.StatusCreated,
		Summary: "Add a member", Description: "Where sign-in by OIDC is configured, the person signs in to the dashboard with this address and may do what the role allows.", Errors: []int{http.StatusConflict},
	}, func(ctx context.Context, who auth.Identity, in *struct{ Body MemberCreate }) (*body[Member], error) {
		m, err := a.Settings.AddMember(ctx, who.Actor, peal.Member{Org: who.Org, Email: in.Body.Email, Role: in.Body.Role})
		return answerShown(m, err, showMember)
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "list-members", Method: http.MethodGet, Path: "/v1/members", Tags: tags, Summary: "List members",
	}, func(_ context.Context, who auth.Identity, in *PageQuery) (*body[List[Member]], error) {
		return listObjects(a, directory.Members, who, in, showMember)
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "get-member", Method: http.MethodGet, Path: "/v1/members/{id}", Tags: tags, Summary: "Get a member",
	}, func(_ context.Context, who auth.Identity, in *MemberPath) (*body[Member], error) {
		return getObject(a, directory.Members, who, in.ID, showMember)
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "update-member", Method: http.MethodPatch, Path: "/v1/members/{id}", Tags: tags, Summary: "Change a member's role",
	}, func(ctx context.Context, who auth.Identity, in *struct {
		MemberPath
		Body MemberPatch
	},
	) (*body[Member], error) {
		m, err := a.Settings.UpdateMember(ctx, who.Actor, who.Org, in.ID, in.Body.Role)
		return answerShown(m, err, showMember)
	})
	register(a, peal.Admin, huma.Operation{
		OperationID: "delete-member", Method: http.MethodDelete, Path: "/v1/members/{id}", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "Remove a member",
	}, func(ctx context.Context, who auth.Identity, in *MemberPath) (*none, error) {
		return nil, a.Settings.RemoveMember(ctx, who.Actor, who.Org, in.ID)
	})
}
