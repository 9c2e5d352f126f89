// Package peer is what nodes say to each other: the messages, their bytes, and the way that they take.
//
// A [Network] carries frames between nodes: those from one node to another arrive once and in the order in which they were
// sent, or the receiver is as good as dead for the sender. What is in a frame is a list of messages. Every byte of it is
// taken for hostile: [Decode] bounds and checks what each message says of itself; whether it fits what the node knows
// (a call that was never sent, an object that nobody has) is the node's to check.
//
// Package memory, below, is a network of nodes in one process.
package peer
