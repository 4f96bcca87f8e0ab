package peal

import (
	"strings"
	"time"
)

// Governance is how an org counts.
type Governance struct {
	Org string `json:"org"`
	// TimeZone is an IANA name; days and months begin in it.
	TimeZone string `json:"time_zone"`
	// BillingDay is the day of the month on which months begin. One that a month does
	// not have is its last.
	BillingDay int `json:"billing_day"`
	// Currency is what amounts are in; nothing is converted.
	Currency  string    `json:"currency"`
	UpdatedAt time.Time `json:"updated_at"`
}

// DefaultGovernance is that of an org that set nothing.
func DefaultGovernance(org string) Governance {
	return Governance{Org: org, TimeZone: "UTC", BillingDay: 1, Currency: "USD"}
}

// Check reports what may not stand.
func (g *Governance) Check() error {
	if _, err := time.LoadLocation(g.TimeZone); err != nil || g.TimeZone == "" || g.TimeZone == "Local" {
		return Invalid("time_zone", "time_zone is an IANA name such as Europe/Berlin")
	}
	if g.BillingDay < 1 || g.BillingDay > 31 {
		return Invalid("billing_day", "billing_day is 1 to 31")
	}
	if len(g.Currency) != 3 || !allIn(g.Currency, func(c byte) bool { return c >= 'A' && c <= 'Z' }) {
		return Invalid("currency", "currency is a code of three letters such as USD")
	}
	return nil
}

// Member is a person who belongs to an org.
type Member struct {
	ID        MemberID  `json:"id"`
	Org       string    `json:"org"`
	Email     string    `json:"email"`
	Role      Role      `json:"role"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// FoldEmail makes mail addresses comparable: their ASCII letters are lower-cased, and those
// alone, since other letters have look-alikes that fold into ASCII.
func FoldEmail(email string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, email)
}

// Check reports what may not stand.
func (m *Member) Check() error {
	local, host, ok := strings.Cut(m.Email, "@")
	if !ok || local == "" || host == "" || strings.ContainsAny(m.Email, " <>,;\"") || strings.Contains(host, "@") {
		return Invalid("email", "email is an address such as ada@example.com")
	}
	if err := checkText("email", m.Email); err != nil {
		return err
	}
	if !m.Role.Valid() {
		return Invalid("role", "role must be one of %s, %s, %s", Viewer, Publisher, Admin)
	}
	return nil
}
