package governance

import (
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// Work is what one request wants of the ledger: one of Usage, Reserve, Close and Credit.
type Work struct {
	Plan *Plan
	// Now is database time.
	Now     time.Time
	Usage   *Usage
	Reserve *Reservation
	Close   *Closing
	Credit  *CreditEntry
	// Done is called once, on the writer's goroutine; it must not block.
	Done func(error)
}

// Usage are records that a gateway reports.
type Usage struct {
	Records []Record
	// Expires is until when their ids are remembered.
	Expires time.Time
	// Duplicates is how many were counted before, once the work is done.
	Duplicates int
}

// Record is what a gateway used.
type Record struct {
	ID       string
	Time     time.Time
	Team     string
	Key      string
	Agent    string
	User     string
	Route    string
	Model    string
	Requests int64
	Tokens   int64
	Cost     peal.Decimal
	Failed   bool
	// Duplicate is set by the store where the id was counted before.
	Duplicate bool
}

func (r *Record) who() who { return who{r.Team, r.Key, r.User} }

// Status is where a reservation stands.
type Status string

// The states of a reservation. Allowed and waiting ones hold what they asked for.
const (
	Allowed  Status = "allowed"
	Waiting  Status = "waiting"
	Denied   Status = "denied"
	Settled  Status = "settled"
	Released Status = "released"
	Expired  Status = "expired"
)

// Reservation is a request that a gateway asks about before it makes it. It is stored as
// JSON, in which what is zero is left out.
type Reservation struct {
	ID     peal.ReservationID
	Org    string
	Team   string       `json:",omitempty"`
	Key    string       `json:",omitempty"`
	User   string       `json:",omitempty"`
	Agent  string       `json:",omitempty"`
	Model  string       `json:",omitempty"`
	Cost   peal.Decimal `json:",omitzero"` // estimated
	Tokens int64        `json:",omitzero"` // estimated

	Status    Status
	BlockedBy string `json:",omitempty"`
	Reason    string `json:",omitempty"`
	CreatedAt time.Time
	ExpiresAt time.Time
	// Day and Month are the periods that it is counted in.
	Day, Month int64
	// OnCredit tells that it holds credits.
	OnCredit bool `json:",omitzero"`

	// NeedsApproval stays set once a person was asked; Threshold is the rule's.
	NeedsApproval bool         `json:",omitzero"`
	Threshold     peal.Decimal `json:",omitzero"`
	DecidedAt     time.Time    `json:",omitzero"`
	DecidedBy     string       `json:",omitempty"`
	// DecidedReason is why.
	DecidedReason string `json:",omitempty"`

	// What it came to once it was settled.
	SpentCost   peal.Decimal `json:",omitzero"`
	SpentTokens int64        `json:",omitzero"`
	Failed      bool         `json:",omitzero"`
	ClosedAt    time.Time    `json:",omitzero"`
}

func (r *Reservation) who() who { return who{r.Team, r.Key, r.User} }

// holds tells whether it holds what it asked for.
func (r *Reservation) holds() bool { return r.Status == Allowed || r.Status == Waiting }

// Deed is what happens to a reservation.
type Deed string

// The deeds.
const (
	Settle  Deed = "settle"
	Release Deed = "release"
	Expire  Deed = "expire"
	Approve Deed = "approve"
	Deny    Deed = "deny"
)

// Closing is a deed to a reservation.
type Closing struct {
	ID   peal.ReservationID
	Deed Deed
	// Cost, Tokens and Failed are what it came to.
	Cost   peal.Decimal
	Tokens int64
	Failed bool
	// By and Reason are of an approval's decision, Extend until when it may be used.
	By, Reason string
	Extend     time.Time
	// Reservation is set by the store before the group is asked, nil where there is
	// none; after the work is done it is what became of it.
	Reservation *Reservation
	// Err is why the deed was refused.
	Err error
}

// CreditEntry is a change of an org's credits.
type CreditEntry struct {
	ID     peal.CreditID
	Org    string
	Time   time.Time
	Amount peal.Decimal
	Note   string
	Actor  string
	// Balance is what it was afterwards.
	Balance peal.Decimal
	Err     error
}

// Account are an org's credits: Granted is always Spent, Reserved and Available together.
type Account struct {
	Granted, Spent, Reserved peal.Decimal
	// Open tells whether there ever were any.
	Open bool
}

// Balance is what was granted and not spent.
func (a Account) Balance() peal.Decimal { return a.Granted.Add(-a.Spent) }

// Available is what may still be reserved.
func (a Account) Available() peal.Decimal { return a.Balance().Add(-a.Reserved) }
