package peal

import "time"

// Offering is something that can be requested.
type Offering struct {
	ID          OfferingID `json:"id"`
	Org         string     `json:"org"`
	Name        string     `json:"name"`
	Description string     `json:"description,omitempty"`
	// Workflow is started for each request, zero for none.
	Workflow  WorkflowID `json:"workflow,omitzero"`
	SLA       *SLA       `json:"sla,omitempty"`
	CreatedAt time.Time  `json:"created_at"`
	UpdatedAt time.Time  `json:"updated_at"`
}

// HookWorkflow is what a hook starts that names the offering alone: one step, which opens
// a request. Its text never changes, so that one version is enough.
func (o *Offering) HookWorkflow() *Workflow {
	return &Workflow{
		ID: WorkflowID(o.ID), Org: o.Org, Name: o.Name, Version: 1,
		Definition: `{"name":"Open a request","steps":[{"id":"request","uses":"request","with":{"offering":"` + o.ID.String() + `"}}]}`,
	}
}

// SLA is how soon requests of an offering are to be dealt with.
type SLA struct {
	// Accept and Complete are the time from when a request is made, zero for no target.
	Accept   Duration `json:"accept,omitempty"`
	Complete Duration `json:"complete,omitempty"`
	// WarnAt is the share of a target after which a warning is given.
	WarnAt float64 `json:"warn_at"`
	// Hours are when the time runs; nil is always.
	Hours *WorkingHours `json:"working_hours,omitempty"`
}

// Limits of an SLA.
const (
	DefaultWarnAt = 0.8
	MaxTarget     = 366 * 24 * time.Hour
)

// Validate reports what in the targets may not stand.
func (s *SLA) Validate() error {
	if s == nil {
		return nil
	}
	if s.Accept == 0 && s.Complete == 0 {
		return Invalid("sla", "an SLA has a target: accept, complete or both")
	}
	for name, d := range map[string]Duration{"sla.accept": s.Accept, "sla.complete": s.Complete} {
		if d < 0 || time.Duration(d) > MaxTarget {
			return Invalid(name, "a target is more than 0 and at most %s", MaxTarget)
		}
	}
	if !(s.WarnAt > 0 && s.WarnAt < 1) { // NaN is neither
		return Invalid("sla.warn_at", "warn_at is a share between 0 and 1, such as 0.8")
	}
	return s.Hours.Validate()
}

// Target is one of the times that an SLA promises, as events name it.
type Target string

// The targets: until a request is accepted, and until it is completed.
const (
	TargetResponse   Target = "RESPONSE"
	TargetResolution Target = "RESOLUTION"
)

// Targets are all, in the order of a request's life.
var Targets = []Target{TargetResponse, TargetResolution}

// Span is how long a target grants; false where the SLA has no such target.
func (s *SLA) Span(t Target) (time.Duration, bool) {
	if s == nil {
		return 0, false
	}
	d := time.Duration(s.Complete)
	if t == TargetResponse {
		d = time.Duration(s.Accept)
	}
	return d, d > 0
}

// Due is when a share of a target has passed.
func (s *SLA) Due(t Target, share float64, from time.Time) time.Time {
	d, _ := s.Span(t)
	if share != 1 {
		d = time.Duration(float64(d) * share)
	}
	return s.Hours.Add(from, d).Truncate(time.Microsecond)
}

// Percent is how much of a target has passed at a time, rounded down.
func (s *SLA) Percent(t Target, from, now time.Time) int {
	d, ok := s.Span(t)
	if !ok {
		return 0
	}
	return int(float64(s.Hours.Between(from, now)) / float64(d) * 100)
}
