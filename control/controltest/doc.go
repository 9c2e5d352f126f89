// Package controltest is what every control store must keep: cases to run on an implementation.
//
//	controltest.Run(t, controltest.Subject{Open: func(t *testing.T) control.Store { return open(t) }})
//
// Cases wait for leases of a second, so they are best run in a testing/synctest bubble where the store has no network
// ([Cases] gives them one by one for that).
//
// What it is not: a test of speed, of a cluster's members failing, or of what a particular store does beyond the interface.
package controltest
