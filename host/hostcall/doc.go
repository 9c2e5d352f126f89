// Package hostcall is the guest ABI, version 1: the functions of import module "ray_v1", by which a guest is given its
// call and its arguments, answers, and does what a caller may do: put, get, wait, submit, and use actors.
//
//	engine ──► Funcs ──► Session ──► Caller ──► host
//	           checks    handles     ids
//
// Each function is one file: its doc block is the ABI's reference, from which guest-sdk/abi.md and guest-sdk/c/raywasm.h
// are generated. A [Session] is what one sandbox has of the host. A [Caller] is what the session may do, in some small
// interfaces that package host implements.
//
// What it is not: it schedules, stores and counts nothing. It has no goroutine and no lock: a session belongs to the
// goroutine that runs its sandbox.
//
// # Who counts what
//
// A reference is one count of a [spec.Link], taken by [Counts].Retain, or by a method of the caller that returns an id,
// and given back by [Counts].Release. Exactly these own one:
//
//   - A handle of an object or an actor owns one count, from the call that gave it to release or [Session.Close]. The
//     methods Put, Submit, Create, Find and Call return ids that are counted once already: the handle takes that count
//     over. The function links counts each link itself, once per handle it gives.
//   - A passed argument owns one count for each of its links, and for the object that it is a ref to, from pass_value or
//     pass_ref until the call is submitted or given up. What a submitted task holds is the host's, counted by Submit,
//     Create and Call before they return.
//   - A result owns one count for each of its links from ret until the call's end ([Session.End]). What the result's
//     object contains is the host's, counted while the results are read.
//   - An argument's handle owns nothing: the host holds the arguments of a call for as long as it runs.
//
// # Who keeps what
//
// What a session keeps of its guest's between two calls is reserved of [Memory], but for an allowance: the table of
// handles until [Session.Close], passed arguments until they are submitted or given up, results until the host takes
// them, the refs of a wait while it lasts. Arguments and results are given back when they go to the host, which reserves
// for what it keeps itself. Nothing is copied out of a guest before there is room for it.
//
// # Invariants
//
//   - Nothing a guest passes is believed: pointers, lengths, counts, handles and forms are checked, and bounded by named
//     limits, before memory is read, written or allocated for them.
//   - Whatever a guest does wrong, or may not do, is a negative status. A Go error, which ends the guest, is returned
//     only when the call's context has ended.
//   - No slice of a guest's memory is kept after the function has returned.
//   - After Close, as much has been released as was ever counted and reserved.
package hostcall

//go:generate go run ./internal/gen
