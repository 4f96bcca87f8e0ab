package directory

import (
	"slices"
	"strings"

	"github.com/peal-dev/peal/internal/peal"
)

// index finds the endpoints of an event type without looking at the others. An
// endpoint stands in one bucket per pattern.
type index struct {
	exact    map[string]*bucket
	prefixes map[string]*bucket // by the pattern without its final *, so "*" is ""
}

type bucket = ordered[*endpointEntry]

const anyType peal.Pattern = "*"

var onlyAny = []peal.Pattern{anyType}

func (e *endpointEntry) patterns() []peal.Pattern {
	switch {
	case e.deaf:
		return nil
	case e.bound != nil:
		return e.bound.types
	case len(e.endpoint.Events) == 0:
		return onlyAny
	}
	return e.endpoint.Events
}

func (x *index) put(e *endpointEntry) {
	for _, p := range e.patterns() {
		buckets, key := x.place(p)
		if *buckets == nil {
			*buckets = map[string]*bucket{}
		}
		b := (*buckets)[key]
		if b == nil {
			b = &bucket{}
			(*buckets)[key] = b
		}
		b.put(e)
	}
}

func (x *index) remove(e *endpointEntry) {
	for _, p := range e.patterns() {
		buckets, key := x.place(p)
		if b := (*buckets)[key]; b != nil {
			if b.remove(e.key); len(b.items) == 0 {
				delete(*buckets, key)
			}
		}
	}
}

func (x *index) place(p peal.Pattern) (buckets *map[string]*bucket, key string) {
	if base, isPrefix := strings.CutSuffix(string(p), "*"); isPrefix {
		return &x.prefixes, base
	}
	return &x.exact, string(p)
}

// collect appends the endpoints that are subscribed to the type, each once.
func (x *index) collect(dst []*endpointEntry, eventType string) []*endpointEntry {
	dst = appendBucket(dst, x.exact[eventType], eventType, eventType, false)
	if len(x.prefixes) == 0 {
		return dst
	}
	if anyType.Match(eventType) {
		dst = appendBucket(dst, x.prefixes[""], eventType, "", true)
	}
	for i := range len(eventType) {
		if eventType[i] == '.' {
			prefix := eventType[:i+1]
			dst = appendBucket(dst, x.prefixes[prefix], eventType, prefix, true)
		}
	}
	return dst
}

func appendBucket(dst []*endpointEntry, b *bucket, eventType, key string, isPrefix bool) []*endpointEntry {
	if b == nil {
		return dst
	}
	dst = slices.Grow(dst, len(b.items))
	for _, e := range b.items {
		if !e.several() || e.firstIs(eventType, key, isPrefix) {
			dst = append(dst, e)
		}
	}
	return dst
}

// firstIs tells whether the first pattern that matches the type is the given one;
// thus an endpoint in several matching buckets is taken from one of them.
func (e *endpointEntry) firstIs(eventType, key string, isPrefix bool) bool {
	for _, p := range e.patterns() {
		if p.Match(eventType) {
			base, cut := strings.CutSuffix(string(p), "*")
			return base == key && cut == isPrefix
		}
	}
	return false
}
