// Command parity writes docs/parity.md, the table that says row by row how raywasm behaves where Ray does something.
//
// rows.yaml holds the rows: what Ray does, the verdict here, why where it differs, and the tests that show it, each as
// folder.TestName or as the path of a script of the command's tests. A row whose test is not in the sources is an
// error, and so is a row that claims a behaviour without a test; a test of this package refuses a docs/parity.md that
// is not what rows.yaml makes. All those tests run with it, so the table cannot claim what none of them shows.
//
// It is not a list of wishes: what is missing is a row with the verdict "missing".
package main

//go:generate go run .
