package peal

// Placement is a delivery that was committed as owned by this node and goes to
// its lane without being claimed.
type Placement struct {
	ID       DeliveryID
	Endpoint EndpointID
	Size     int
}
