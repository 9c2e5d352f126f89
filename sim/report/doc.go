// Package report tells what a simulated cluster did: how long tasks waited, how much of the cluster was used, what it cost, and a
// picture of the time.
//
//	rec := report.NewRecorder()
//	result, err := sim.Run(program, rec.Watch(options))
//	r := rec.Report(result, prices)
//	r.WriteText(w); r.WriteSVG(w)
//
// What it is not: it judges nothing; whoever compares two clusters runs both.
//
// Invariants: equal runs make equal reports and equal pictures.
package report
