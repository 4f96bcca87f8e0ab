// Package governance counts what gateways use, holds it against rules, and raises an event
// where a limit or a threshold is crossed.
//
// It decides in memory: a Group is what one transaction of the ledger decides about. It
// does not know how counts are stored or locked, nor how an event reaches anybody.
package governance
