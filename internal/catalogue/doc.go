// Package catalogue lists the event types that are known from the start: those of
// the four systems whose webhooks Peal speaks, and Peal's own. For each it has a
// description, a JSON Schema and an example of the data, a default severity, and
// the words in which people are told.
//
// It documents and never refuses: events of any other type, and events that do not
// fit the schema, are accepted. Types that an org registers are not here but in its
// configuration.
package catalogue
