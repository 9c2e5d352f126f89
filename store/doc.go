// Package store keeps the bytes of objects on one node, and says how much the node's guests may make it keep.
//
// What is kept is reserved first: from an [Account], of which each job has one, within a [Bound] that all accounts
// together never exceed. Reserved are the bytes of large objects, which live in a [Store] under the object's id; and those
// of whatever else a guest makes its host keep: small values, which stay with their record, links, arguments, records of
// tasks and actors. Where objects are spilled, the large ones have a bound of their own, of memory and disk together.
//
// One job cannot take everything. It gets no more when it has [Share] times what is left, so that there is always
// something left for the others, and a job that is alone gets nearly all.
//
// Who reserves is the caller of a store: a store itself knows its memory only, and makes who asks wait while that is short.
// A store knows bytes and sizes only: who refers to an object is the owner's business (package owner), and how its
// CBOR reads is the guest's.
//
// Invariants: bytes are immutable from Seal to Delete; what is reserved never exceeds the limit; a reservation that is
// refused changes nothing.
package store
