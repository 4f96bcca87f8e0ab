package bench

import (
	"fmt"
	"io"
	"runtime"
	"text/tabwriter"
	"time"
)

// Report is what was measured.
type Report struct {
	OS          string    `json:"os"`
	Arch        string    `json:"arch"`
	CPUs        int       `json:"cpus"`
	Go          string    `json:"go"`
	Profile     string    `json:"profile"`
	Payload     int       `json:"payload_bytes"`
	Concurrency int       `json:"concurrency"`
	Seconds     float64   `json:"seconds"` // of publishing, in each phase
	Scenarios   []*Result `json:"scenarios"`
}

// Result is a scenario's: the rates, times and CPU are the medians of its rounds,
// the counts their sums.
type Result struct {
	Scenario    string `json:"scenario"`
	Description string `json:"description"`
	Measurement
	Rounds []Measurement `json:"rounds"`
}

// Measurement is one round of a scenario. Times are in milliseconds.
type Measurement struct {
	AcceptedPerSecond  float64 `json:"accepted_per_second"`  // events
	DeliveredPerSecond float64 `json:"delivered_per_second"` // until the last arrival
	BarePerSecond      float64 `json:"bare_per_second,omitempty"`
	Ratio              float64 `json:"ratio_to_bare,omitempty"`
	P50                float64 `json:"p50_ms"` // publish to arrival, as are the next
	P99                float64 `json:"p99_ms"`
	P999               float64 `json:"p999_ms"`
	CPUMicros          float64 `json:"server_cpu_us_per_delivery,omitempty"` // Linux alone

	Accepted  int64 `json:"accepted"`
	Delivered int64 `json:"delivered"`
	Lost      int64 `json:"lost"`
	Repeated  int64 `json:"repeated"`
	Refused   int64 `json:"refused"` // calls answered 429 or 503, then repeated
	Checked   int64 `json:"signatures_checked"`
	Bad       int64 `json:"signatures_bad"`
}

func newReport(cfg Config) *Report {
	return &Report{
		OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(), Go: runtime.Version(),
		Profile: cfg.Profile, Payload: cfg.Payload, Concurrency: cfg.Concurrency, Seconds: cfg.Duration.Seconds(),
	}
}

// fill computes a measurement from what was published and what arrived.
func (m *Measurement) fill(p published, c Count, copies int) {
	m.Accepted, m.Refused = p.events, p.refused
	m.Delivered, m.Repeated = int64(c.Arrived), int64(c.Repeated)
	m.Lost = p.events*int64(copies) - m.Delivered
	m.Checked, m.Bad = int64(c.Checked), int64(c.Bad)
	m.AcceptedPerSecond = perSecond(m.Accepted, p.accepted.Sub(p.started))
	m.DeliveredPerSecond = perSecond(m.Delivered, c.Last.Sub(p.started))
	if m.BarePerSecond > 0 {
		m.Ratio = m.DeliveredPerSecond / m.BarePerSecond
	}
	m.P50, m.P99, m.P999 = millis(c.P50), millis(c.P99), millis(c.P999)
}

func perSecond(n int64, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// add joins a round to its scenario's result.
func (r *Report) add(s Scenario, m Measurement) {
	var result *Result
	for _, have := range r.Scenarios {
		if have.Scenario == s.Name {
			result = have
		}
	}
	if result == nil {
		result = &Result{Scenario: s.Name, Description: s.Description}
		r.Scenarios = append(r.Scenarios, result)
	}
	result.Rounds = append(result.Rounds, m)
	result.Measurement = summary(result.Rounds)
}

func summary(rounds []Measurement) Measurement {
	middle := func(of func(Measurement) float64) float64 {
		values := make([]float64, len(rounds))
		for i, m := range rounds {
			values[i] = of(m)
		}
		return median(values)
	}
	s := Measurement{
		AcceptedPerSecond:  middle(func(m Measurement) float64 { return m.AcceptedPerSecond }),
		DeliveredPerSecond: middle(func(m Measurement) float64 { return m.DeliveredPerSecond }),
		BarePerSecond:      middle(func(m Measurement) float64 { return m.BarePerSecond }),
		Ratio:              middle(func(m Measurement) float64 { return m.Ratio }),
		P50:                middle(func(m Measurement) float64 { return m.P50 }),
		P99:                middle(func(m Measurement) float64 { return m.P99 }),
		P999:               middle(func(m Measurement) float64 { return m.P999 }),
		CPUMicros:          middle(func(m Measurement) float64 { return m.CPUMicros }),
	}
	for _, m := range rounds {
		s.Accepted += m.Accepted
		s.Delivered += m.Delivered
		s.Lost += m.Lost
		s.Repeated += m.Repeated
		s.Refused += m.Refused
		s.Checked += m.Checked
		s.Bad += m.Bad
	}
	return s
}

// Sound tells whether everything arrived with signatures that hold.
func (r *Report) Sound() bool {
	for _, s := range r.Scenarios {
		if s.Lost != 0 || s.Bad != 0 || s.Checked == 0 {
			return false
		}
	}
	return true
}

// WriteTable writes the report for people.
func (r *Report) WriteTable(w io.Writer) error {
	fmt.Fprintf(w, "%s/%s, %d CPUs, %s; profile %s, events of %d bytes, %d calls at once, %gs a phase\n\n",
		r.OS, r.Arch, r.CPUs, r.Go, r.Profile, r.Payload, r.Concurrency, r.Seconds)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "scenario\taccepted/s\tdelivered/s\tbare/s\tof bare\tp50 ms\tp99 ms\tp99.9 ms\tCPU µs\tdelivered\tlost\trepeated\trefused\t")
	for _, s := range r.Scenarios {
		bareRate, ratio := "-", "-"
		if s.Ratio > 0 {
			bareRate, ratio = fmt.Sprintf("%.0f", s.BarePerSecond), fmt.Sprintf("%.2f", s.Ratio)
		}
		fmt.Fprintf(t, "%s\t%.0f\t%.0f\t%s\t%s\t%.1f\t%.1f\t%.1f\t%.0f\t%d\t%d\t%d\t%d\t\n",
			s.Scenario, s.AcceptedPerSecond, s.DeliveredPerSecond, bareRate, ratio,
			s.P50, s.P99, s.P999, s.CPUMicros, s.Delivered, s.Lost, s.Repeated, s.Refused)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, "\nRates and times are medians of the rounds, the rest sums. delivered/s counts until the last arrival;\n"+
		"times are from publishing to arrival; CPU is the server's alone, for each delivery.")
	return err
}
