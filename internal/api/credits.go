package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/peal-dev/peal/internal/auth"
	"github.com/peal-dev/peal/internal/governance"
	"github.com/peal-dev/peal/internal/peal"
)

// CreditCreate changes an org's credits.
type CreditCreate struct {
	Amount Amount `json:"amount" example:"\"100.00\"" doc:"Tops up, or takes off where it is negative."`
	Note   string `json:"note,omitempty" maxLength:"256" example:"invoice 2026-17"`
}

// CreditEntry is a change of an org's credits.
type CreditEntry struct {
	ID      string    `json:"id" example:"crd_01h455vb4pex5vsknk084sn02q"`
	Amount  Amount    `json:"amount"`
	Balance Amount    `json:"balance" doc:"Afterwards."`
	Note    string    `json:"note"`
	Actor   string    `json:"actor" doc:"A key's id, a member's address, or admin."`
	Time    time.Time `json:"created_at"`
}

// Credits are what an org has, with the latest changes.
type Credits struct {
	Balance   Amount `json:"balance" doc:"Granted and not spent."`
	Available Amount `json:"available" doc:"The balance less what is reserved."`
	Reserved  Amount `json:"reserved"`
	Granted   Amount `json:"granted"`
	Spent     Amount `json:"spent"`
	Currency  string `json:"currency" example:"USD"`
	List[CreditEntry]
}

func showCredit(e governance.CreditEntry) CreditEntry {
	return CreditEntry{e.ID.String(), Amount(e.Amount), Amount(e.Balance), e.Note, e.Actor, e.Time.UTC()}
}

func (a *api) creditRoutes() {
	tags := []string{"Governance"}
	register(a, peal.Admin, huma.Operation{
		OperationID: "add-credits", Method: http.MethodPost, Path: "/v1/credits", Tags: tags, DefaultStatus: http.StatusCreated,
		Summary:     "Top credits up, or adjust them",
		Description: "From the first top-up on, what is used is taken off, and reservations that the balance does not cover are denied.",
		Errors:      []int{http.StatusUnprocessableEntity},
	}, func(ctx context.Context, who auth.Identity, in *struct{ Body CreditCreate }) (*body[CreditEntry], error) {
		e, err := a.Governance.AddCredits(ctx, who.Org, who.Actor, in.Body.Note, peal.Decimal(in.Body.Amount))
		if err != nil {
			return nil, err
		}
		return &body[CreditEntry]{showCredit(*e)}, nil
	})
	register(a, peal.Viewer, huma.Operation{
		OperationID: "get-credits", Method: http.MethodGet, Path: "/v1/credits", Tags: tags,
		Summary: "Get the balance and its changes", Description: "Granted is always spent, reserved and available together.",
	}, func(ctx context.Context, who auth.Identity, in *PageQuery) (*body[Credits], error) {
		account, err := a.Governance.Reader.Account(ctx, who.Org)
		if err != nil {
			return nil, err
		}
		rows, next, err := a.Governance.Reader.Credits(ctx, who.Org, in.page())
		if err != nil {
			return nil, err
		}
		return &body[Credits]{Credits{
			Amount(account.Balance()), Amount(account.Available()), Amount(account.Reserved), Amount(account.Granted), Amount(account.Spent),
			a.Governance.Settings(who.Org).Currency, listOf(rows, next, showCredit).Body,
		}}, nil
	})
}
