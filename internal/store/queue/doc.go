// Package queue is the SQL of events and deliveries: accepting, claiming, recording,
// what people do by hand, and the lists of the API.
//
// A delivery lives in the table live until it is finished and in done after that,
// under the same id. Commits and records are written in groups, with statements over
// many rows; whatever is rarer is written row by row. The package decides nothing
// about deliveries: when to send, when to try again and when to give up is the
// dispatcher's.
package queue
