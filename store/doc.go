// Package store keeps the bytes of objects on one node.
//
// Small values travel inside messages and stay with their record; what is larger than spec.MaxInlineBytes lives here,
// under the object's id, within a bound that is never exceeded. The store knows bytes and sizes only: who refers to an
// object is the owner's business (package owner), and how its CBOR reads is the guest's.
//
// Invariants: bytes are immutable from Put to Delete; Used never exceeds the limit; a Put that does not fit changes
// nothing.
package store
