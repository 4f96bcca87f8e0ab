// Package receiver is the other end of a delivery: servers on loopback that verify what
// arrives with package webhook, as a user's own receiver would, or play a chat, a Jira or
// a mail server. The playground and the benchmark show and count deliveries with it.
//
// It is not for receiving webhooks from other systems.
package receiver
