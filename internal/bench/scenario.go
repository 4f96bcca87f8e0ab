package bench

// Scenario is one way of publishing.
type Scenario struct {
	Name        string
	Description string
	batch       int     // events a call
	copies      int     // endpoints
	rate        float64 // calls a second; zero is as fast as they are answered
	waiting     int     // events that wait for an endpoint that hangs
	inbound     bool    // the calls are to a hook, whose workflow publishes
	// share of the configured concurrency that the generator uses.
	share int
}

// Scenarios lists all, in the order of running.
func Scenarios() []Scenario {
	return []Scenario{
		{Name: "single", Description: "one event a call, one endpoint", batch: 1, copies: 1, share: 1},
		{Name: "batch", Description: "100 events a call, one endpoint", batch: 100, copies: 1, share: 8},
		{Name: "fanout", Description: "one event a call, ten endpoints", batch: 1, copies: 10, share: 2},
		{Name: "latency", Description: "200 events a second, one endpoint", batch: 1, copies: 1, rate: 200, share: 4},
		{Name: "inbound", Description: "signed calls of a hook, whose workflow publishes an event to one endpoint", batch: 1, copies: 1, inbound: true, share: 1},
		{Name: "beside", Description: "latency, beside an endpoint that hangs with 10,000 events waiting", batch: 1, copies: 1, rate: 200, waiting: 10_000, share: 4},
	}
}
