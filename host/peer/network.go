package peer

import "github.com/raywasm/raywasm/spec"

// Network connects nodes.
type Network interface {
	// Join makes a node reachable. receive is called with each frame that another node has sent, one call at a time for
	// each of them and in their order; it must not block, and the frame is its own. Errors: spec.AlreadyExists.
	Join(self spec.NodeID, receive func(from spec.NodeID, frame []byte)) (Port, error)
}

// Port is a node's side of a network. It is safe for concurrent use.
type Port interface {
	// Send sends messages to a node and never blocks: they are on their way when it returns, in its order with others to
	// that node. To a node that is not there they are lost. What they refer to must not be written any more.
	Send(to spec.NodeID, messages ...Message)
	// Leave ends the node's part: nothing is sent or received any more. It waits for a receive that has begun.
	Leave()
}
