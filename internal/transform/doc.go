// Package transform runs jq programs of orgs in processes of their own, with a limit of
// time and memory: a program of a line can ask for more of either than there is, and the
// library cannot be stopped from outside.
//
// It is not for programs of the operator, which run where they are.
package transform
