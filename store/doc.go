// Package store keeps the bytes of objects on one node, and says how much the node's guests may make it keep.
//
// What is kept is reserved first: from an [Account], of which each job has one, within a bound that all accounts
// together never exceed. Reserved are the bytes of large objects, which live here under the object's id; and those of
// whatever else a guest makes its host keep: small values, which stay with their record, links, arguments, records of
// tasks and actors.
//
// One job cannot take everything. It gets no more when it has [Share] times what is left, so that there is always
// something left for the others, and a job that is alone gets nearly all.
//
// The store knows bytes and sizes only: who refers to an object is the owner's business (package owner), and how its
// CBOR reads is the guest's.
//
// Invariants: bytes are immutable from Put to Delete; what is reserved never exceeds the limit; a reservation that is
// refused changes nothing.
package store
