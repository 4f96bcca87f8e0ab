package peal

// Header is one HTTP header of a request, kept in the order of sending.
type Header struct {
	Name  string
	Value string
}
