package governance

import (
	"context"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

// Store decides works in groups and writes what was decided.
type Store interface {
	// Submit queues a work, whose Done is then called once. It fails where there is no
	// room.
	Submit(w *Work) error
	// Overdue lists reservations whose time was over before now, the oldest first.
	Overdue(ctx context.Context, now time.Time, limit int) ([]Overdue, error)
}

// Overdue names a reservation of any org.
type Overdue struct {
	Org string
	ID  peal.ReservationID
}

// Reader reads what was written.
type Reader interface {
	// Reservation fails with peal.CodeNotFound.
	Reservation(ctx context.Context, org string, id peal.ReservationID) (*Reservation, error)
	// Approvals lists reservations that a person was asked about, the newest first; of
	// one status, or of all where it is empty.
	Approvals(ctx context.Context, org string, status Status, p peal.Page) ([]*Reservation, string, error)
	Account(ctx context.Context, org string) (Account, error)
	Credits(ctx context.Context, org string, p peal.Page) ([]CreditEntry, string, error)
	// Usage hands the sums of an org's usage between two moments to f, by hour where
	// hourly, and by the dimensions.
	Usage(ctx context.Context, q UsageQuery, f func(UsageSum) error) error
}

// UsageQuery asks for sums.
type UsageQuery struct {
	Org          string
	Since, Until time.Time
	// By are dimensions out of Dimensions.
	By     []string
	Hourly bool
}

// Dimensions are what usage may be summed up by.
var Dimensions = []string{"team", "key", "agent", "user", "route", "model"}

// UsageSum is a row of a summary; By are the values of the dimensions asked for.
type UsageSum struct {
	Start time.Time
	By    []string
	Rollup
}
