package peal

import "time"

// RetryPolicy is when a failed delivery is tried again and how long an attempt
// may take.
type RetryPolicy struct {
	// Schedule holds the wait before each retry; none means that there are none.
	Schedule []time.Duration
	// Jitter spreads each wait by up to this share either way (0.1 is ±10 %).
	Jitter float64
	// Timeout bounds one attempt, from name resolution to the last byte read.
	Timeout time.Duration
	// Exhausted is Dead or, for policies that never retry, Dropped.
	Exhausted Status
}

// With applies an endpoint's own settings to the policy.
func (p RetryPolicy) With(o *RetryOverride) RetryPolicy {
	if o == nil {
		return p
	}
	if o.Timeout > 0 {
		p.Timeout = time.Duration(o.Timeout)
	}
	if o.Schedule != nil {
		p.Schedule = make([]time.Duration, len(o.Schedule))
		for i, d := range o.Schedule {
			p.Schedule[i] = time.Duration(d)
		}
		p.Jitter = 0
		if len(o.Schedule) > 0 {
			p.Exhausted = Dead
		}
	}
	return p
}

// MaxRetryAfter caps how long a receiver may ask to be left alone.
const MaxRetryAfter = time.Hour

// Wait is the time before the next attempt after tries attempts of this round
// failed, and whether there is one. The random number in [0,1) spreads it;
// retryAfter, where the receiver asked for one, can only lengthen it.
func (p RetryPolicy) Wait(tries int, retryAfter time.Duration, random float64) (time.Duration, bool) {
	if tries < 1 || tries > len(p.Schedule) {
		return 0, false
	}
	wait := p.Schedule[tries-1]
	wait += time.Duration(float64(wait) * p.Jitter * (2*random - 1))
	return max(wait, min(retryAfter, MaxRetryAfter)), true
}

// Limits of an endpoint's own retry settings.
const (
	MaxRetries    = 50
	MaxRetryWait  = 7 * 24 * time.Hour
	MaxTimeout    = 60 * time.Second
	MinTimeout    = 100 * time.Millisecond
	MaxRateLimit  = 100_000
	MaxConcurrent = 1024
)

// Validate reports what in the settings is out of bounds.
func (o *RetryOverride) Validate() error {
	if o == nil {
		return nil
	}
	if len(o.Schedule) > MaxRetries {
		return Invalid("retry.schedule", "at most %d retries", MaxRetries)
	}
	for _, d := range o.Schedule {
		if d <= 0 || time.Duration(d) > MaxRetryWait {
			return Invalid("retry.schedule", "each wait must be more than 0 and at most %s", MaxRetryWait)
		}
	}
	if o.Timeout != 0 && (time.Duration(o.Timeout) < MinTimeout || time.Duration(o.Timeout) > MaxTimeout) {
		return Invalid("retry.timeout", "timeout must be between %s and %s", MinTimeout, MaxTimeout)
	}
	return nil
}
