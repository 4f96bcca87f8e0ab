package peal

import (
	"database/sql/driver"
	"encoding/base32"
	"fmt"
	"strings"
	"time"

	"github.com/gofrs/uuid/v5"
)

// kind names what an identifier identifies; it is the type parameter that keeps
// an endpoint's id from being passed where a delivery's is wanted.
type kind interface{ prefix() string }

type (
	eventKind     struct{}
	endpointKind  struct{}
	deliveryKind  struct{}
	keyKind       struct{}
	bindingKind   struct{}
	silenceKind   struct{}
	groupKind     struct{}
	hookKind      struct{}
	workflowKind  struct{}
	executionKind struct{}
	offeringKind  struct{}
	requestKind   struct{}
	taskKind      struct{}
	ruleKind      struct{}
	memberKind    struct{}
	reserveKind   struct{}
	creditKind    struct{}
)

func (eventKind) prefix() string     { return "evt_" }
func (endpointKind) prefix() string  { return "ep_" }
func (deliveryKind) prefix() string  { return "dlv_" }
func (keyKind) prefix() string       { return "key_" }
func (bindingKind) prefix() string   { return "bnd_" }
func (silenceKind) prefix() string   { return "sil_" }
func (groupKind) prefix() string     { return "grp_" }
func (hookKind) prefix() string      { return "whk_" }
func (workflowKind) prefix() string  { return "wf_" }
func (executionKind) prefix() string { return "exec_" }
func (offeringKind) prefix() string  { return "svc_" }
func (requestKind) prefix() string   { return "req_" }
func (taskKind) prefix() string      { return "task_" }
func (ruleKind) prefix() string      { return "rule_" }
func (memberKind) prefix() string    { return "mem_" }
func (reserveKind) prefix() string   { return "res_" }
func (creditKind) prefix() string    { return "crd_" }

// The identifiers of the domain. Each is a UUIDv7, so that ids of one kind sort
// by the time they were made.
type (
	EventID     = ID[eventKind]
	EndpointID  = ID[endpointKind]
	DeliveryID  = ID[deliveryKind]
	KeyID       = ID[keyKind]
	BindingID   = ID[bindingKind]
	SilenceID   = ID[silenceKind]
	GroupID     = ID[groupKind]
	HookID      = ID[hookKind]
	WorkflowID  = ID[workflowKind]
	ExecutionID = ID[executionKind]
	OfferingID  = ID[offeringKind]
	RequestID   = ID[requestKind]
	TaskID      = ID[taskKind]

	RuleID        = ID[ruleKind]
	MemberID      = ID[memberKind]
	ReservationID = ID[reserveKind]
	CreditID      = ID[creditKind]
)

// ID is a UUIDv7 that is written as a prefix and 26 characters of lower-case
// Crockford base32, such as evt_01h455vb4pex5vsknk084sn02q.
type ID[K kind] [16]byte

const idAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// Text sorts as the bytes do: identifiers are encoded behind four zero bytes, which
// makes 160 bits, and the 26 characters that can differ are kept.
var idEncoding = base32.NewEncoding(idAlphabet).WithPadding(base32.NoPadding)

const idTextLen = 26

// NewID makes an identifier whose leading bits are the time in milliseconds.
func NewID[K kind](now time.Time) ID[K] {
	id, err := uuid.NewV7AtTime(now)
	if err != nil {
		// Only a failing system random source leads here, and crypto/rand ends the
		// process itself in that case.
		return ID[K]{}
	}
	return ID[K](id)
}

// NewEventID makes an event's identifier.
func NewEventID(now time.Time) EventID { return NewID[eventKind](now) }

// NewEndpointID makes an endpoint's identifier.
func NewEndpointID(now time.Time) EndpointID { return NewID[endpointKind](now) }

// NewDeliveryID makes a delivery's identifier.
func NewDeliveryID(now time.Time) DeliveryID { return NewID[deliveryKind](now) }

// NewKeyID makes an API key's identifier.
func NewKeyID(now time.Time) KeyID { return NewID[keyKind](now) }

// NewBindingID makes a binding's identifier.
func NewBindingID(now time.Time) BindingID { return NewID[bindingKind](now) }

// NewSilenceID makes a silence's identifier.
func NewSilenceID(now time.Time) SilenceID { return NewID[silenceKind](now) }

// NewHookID makes a hook's identifier.
func NewHookID(now time.Time) HookID { return NewID[hookKind](now) }

// NewWorkflowID makes a workflow's identifier.
func NewWorkflowID(now time.Time) WorkflowID { return NewID[workflowKind](now) }

// NewExecutionID makes an execution's identifier.
func NewExecutionID(now time.Time) ExecutionID { return NewID[executionKind](now) }

// NewOfferingID makes an offering's identifier.
func NewOfferingID(now time.Time) OfferingID { return NewID[offeringKind](now) }

// NewRequestID makes a request's identifier.
func NewRequestID(now time.Time) RequestID { return NewID[requestKind](now) }

// NewTaskID makes a task's identifier.
func NewTaskID(now time.Time) TaskID { return NewID[taskKind](now) }

// NewRuleID makes a rule's identifier.
func NewRuleID(now time.Time) RuleID { return NewID[ruleKind](now) }

// NewMemberID makes a member's identifier.
func NewMemberID(now time.Time) MemberID { return NewID[memberKind](now) }

// NewReservationID makes a reservation's identifier.
func NewReservationID(now time.Time) ReservationID { return NewID[reserveKind](now) }

// NewCreditID makes the identifier of a change of the credits.
func NewCreditID(now time.Time) CreditID { return NewID[creditKind](now) }

// ParseID reads the text form of an identifier. An endpoint's may also be
// spelled wh_, as Curate-Me's surface has it.
func ParseID[K kind](s string) (ID[K], error) {
	var k K
	rest, ok := strings.CutPrefix(s, k.prefix())
	if !ok && k.prefix() == "ep_" {
		rest, ok = strings.CutPrefix(s, "wh_")
	}
	var id ID[K]
	if !ok || len(rest) != idTextLen {
		return id, fmt.Errorf("%q is not an identifier of the form %s…", Clip(s, clipLen), k.prefix())
	}
	// 26 characters carry 130 bits; the first may only use its lower three.
	var buf [20]byte
	n, err := idEncoding.Decode(buf[:], []byte("000000"+rest))
	if err != nil || n != 20 || rest[0] > '7' {
		return id, fmt.Errorf("%q is not an identifier of the form %s…", Clip(s, clipLen), k.prefix())
	}
	copy(id[:], buf[4:])
	return id, nil
}

// ParseEventID reads evt_….
func ParseEventID(s string) (EventID, error) { return ParseID[eventKind](s) }

// ParseEndpointID reads ep_… or wh_….
func ParseEndpointID(s string) (EndpointID, error) { return ParseID[endpointKind](s) }

// ParseDeliveryID reads dlv_….
func ParseDeliveryID(s string) (DeliveryID, error) { return ParseID[deliveryKind](s) }

// ParseKeyID reads key_….
func ParseKeyID(s string) (KeyID, error) { return ParseID[keyKind](s) }

// ParseBindingID reads bnd_….
func ParseBindingID(s string) (BindingID, error) { return ParseID[bindingKind](s) }

// ParseSilenceID reads sil_….
func ParseSilenceID(s string) (SilenceID, error) { return ParseID[silenceKind](s) }

// ParseGroupID reads grp_….
func ParseGroupID(s string) (GroupID, error) { return ParseID[groupKind](s) }

// ParseHookID reads whk_….
func ParseHookID(s string) (HookID, error) { return ParseID[hookKind](s) }

// ParseWorkflowID reads wf_….
func ParseWorkflowID(s string) (WorkflowID, error) { return ParseID[workflowKind](s) }

// ParseExecutionID reads exec_….
func ParseExecutionID(s string) (ExecutionID, error) { return ParseID[executionKind](s) }

// ParseOfferingID reads svc_….
func ParseOfferingID(s string) (OfferingID, error) { return ParseID[offeringKind](s) }

// ParseRequestID reads req_….
func ParseRequestID(s string) (RequestID, error) { return ParseID[requestKind](s) }

// ParseTaskID reads task_….
func ParseTaskID(s string) (TaskID, error) { return ParseID[taskKind](s) }

// ParseReservationID reads res_…, or apr_… for the approval that it waits for.
func ParseReservationID(s string) (ReservationID, error) {
	if rest, ok := strings.CutPrefix(s, ApprovalPrefix); ok {
		s = reserveKind{}.prefix() + rest
	}
	return ParseID[reserveKind](s)
}

// ApprovalPrefix is how a reservation's identifier is spelled as that of its approval.
const ApprovalPrefix = "apr_"

// text is the identifier without its prefix.
func (id ID[K]) text() string {
	var raw [20]byte
	copy(raw[4:], id[:])
	var out [32]byte
	idEncoding.Encode(out[:], raw[:])
	return string(out[32-idTextLen:])
}

// String is the prefixed form that the API shows.
func (id ID[K]) String() string {
	var k K
	return k.prefix() + id.text()
}

// As spells the identifier under another prefix, as compatible surfaces do.
func (id ID[K]) As(prefix string) string { return prefix + id.text() }

// IsZero tells whether the identifier was never set.
func (id ID[K]) IsZero() bool { return id == ID[K]{} }

// Time is when the identifier was made, to the millisecond.
func (id ID[K]) Time() time.Time {
	ms := int64(id[0])<<40 | int64(id[1])<<32 | int64(id[2])<<24 | int64(id[3])<<16 | int64(id[4])<<8 | int64(id[5])
	return time.UnixMilli(ms).UTC()
}

// MarshalText implements encoding.TextMarshaler.
func (id ID[K]) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *ID[K]) UnmarshalText(b []byte) error {
	v, err := ParseID[K](string(b))
	if err != nil {
		return err
	}
	*id = v
	return nil
}

// Value stores the identifier as sixteen bytes.
func (id ID[K]) Value() (driver.Value, error) { return id[:], nil }

// Scan reads what Value wrote; NULL is the zero identifier.
func (id *ID[K]) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*id = ID[K]{}
		return nil
	case []byte:
		if len(v) == len(id) {
			copy(id[:], v)
			return nil
		}
	}
	return fmt.Errorf("peal: cannot scan %T as an identifier", src)
}
