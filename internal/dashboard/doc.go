// Package dashboard is what people see of Peal in a browser: the dashboard of those who
// run it or work in an org, and the portal of an org's own customers.
//
// It knows Peal as scripts do, by the API, which it calls in process for the person who is
// signed in: what the API refuses, a page cannot do. It holds no state but who is signed in.
package dashboard
