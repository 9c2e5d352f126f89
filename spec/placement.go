package spec

import (
	"encoding/hex"
	"maps"
	"slices"
)

// Placement says on which nodes a task or an actor may run and which are preferred. The zero value is Ray's default: where its
// arguments are, or a random one of the least loaded.
type Placement struct {
	// Spread takes available nodes in turn.
	Spread bool `cbor:"1,keyasint,omitempty"`
	// Node is the id of the node to run on, in hex. With Soft it runs elsewhere if that node is gone or can never run it;
	// without it fails then. A node that is only busy is waited for either way.
	Node string `cbor:"2,keyasint,omitempty"`
	Soft bool   `cbor:"3,keyasint,omitempty"`
	// Labels are conditions on the node's labels, by name: v, !v, in(a,b), !in(a,b). All must be fulfilled.
	Labels map[string]string `cbor:"4,keyasint,omitempty"`
	// Fallback are conditions to try in order if no node fulfils Labels.
	Fallback []map[string]string `cbor:"5,keyasint,omitempty"`
	// Group is the id of the placement group to run in, in hex, and Bundle which of its bundles, from 0; not said: whichever has
	// room. The bundles have said which nodes will do, so that nothing else of a placement goes with a group.
	Group  string `cbor:"6,keyasint,omitempty"`
	Bundle *int32 `cbor:"7,keyasint,omitempty"`
	// Capture lets what the task or actor submits run in the group too, unless that says a placement of its own.
	Capture bool `cbor:"8,keyasint,omitempty"`
}

// MaxFallbacks bounds the conditions of a placement.
const MaxFallbacks = 16

// Check reports what is wrong with p. Conditions are only measured here: who places reads them.
func (p Placement) Check() error {
	const op = "check a placement"
	switch _, err := hex.DecodeString(p.Node); {
	case p.Node != "" && (err != nil || len(p.Node) != hex.EncodedLen(len(NodeID{}))):
		return Errorf(op, InvalidArgument, "node", "%q is not a node's id of %d hex digits", p.Node, hex.EncodedLen(len(NodeID{})))
	case p.Spread && p.Node != "":
		return Errorf(op, InvalidArgument, "node", "it is given together with spread: choose one")
	case p.Soft && p.Node == "":
		return Errorf(op, InvalidArgument, "soft", "it is given without a node")
	case p.Group == "" && (p.Bundle != nil || p.Capture):
		return Errorf(op, InvalidArgument, "group", "a bundle or the capture of children is given without a group")
	case p.Group != "" && (p.Spread || p.Node != "" || len(p.Labels) > 0 || len(p.Fallback) > 0):
		return Errorf(op, InvalidArgument, "group", "it is given together with other wishes for nodes: its bundles have them")
	case p.Bundle != nil && (*p.Bundle < 0 || *p.Bundle >= MaxBundles):
		return Errorf(op, InvalidArgument, "bundle", "%d is not between 0 and %d", *p.Bundle, MaxBundles-1)
	case len(p.Fallback) > MaxFallbacks:
		return Errorf(op, LimitExceeded, "fallback", "%d conditions, at most %d", len(p.Fallback), MaxFallbacks)
	}
	if p.Group != "" {
		if _, err := ParseGroupID(p.Group); err != nil {
			return &Error{Op: op, Kind: InvalidArgument, ID: "group", Err: err}
		}
	}
	for _, m := range append([]map[string]string{p.Labels}, p.Fallback...) {
		if len(m) > MaxResourceKinds {
			return Errorf(op, LimitExceeded, "labels", "%d conditions, at most %d", len(m), MaxResourceKinds)
		}
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if len(name) > MaxNameBytes || len(m[name]) > MaxNameBytes {
				return Errorf(op, InvalidArgument, "labels", "a name or a condition has more than %d bytes", MaxNameBytes)
			}
		}
	}
	return nil
}
