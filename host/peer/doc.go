// Package peer is what nodes say to each other: the messages, their bytes, and the way that these take.
//
// A [Network] carries frames between nodes: those from one node to another arrive once and in the order in which they were
// sent, or the receiver is as good as dead for the sender. What is in a frame is a list of messages. Every byte of it is
// taken for hostile: [Decode] bounds and checks what each message says of itself; whether it fits what the node knows
// (a call that was never sent, an object that nobody has) is the node's to check.
//
// Who may say what, and what a member of the cluster gains that lies. What has no right to be said is logged and not done.
//
//	message             who may say it                          what a lie gains
//	Report              a node, of itself                       work, which it is trusted with, or none
//	Job                 a member that knows the job             its copy serves until the table of jobs is read, if it comes first
//	JobCopy             whoever has a copy                      its lines are taken for the job's (Output)
//	JobEnd              the job's home                          nothing
//	JobEnded            whom a job's home told to end it        a home waits for it for 10 leases at most
//	Run, NewActor       a member that knows the job             what the job's own functions do, within the job's account
//	Began, Moved, Ran   to whom the attempt was sent            results; a task that is sent round waits after 16 moves
//	Stop                whose attempt it is                     nothing
//	Count               an owner, or who has the reference      what is not lent is lent to it, if it knows the id
//	State, Drop         the object's owner                      the values of its own objects
//	                    (Drop also: for whom it was made)
//	Lost, Cancel        a borrower of the object                what any borrower may: the task runs again, or is cancelled
//	ActorEnd            a borrower of the actor's handle        what any who has a handle may
//	Output              who takes part in the job               lines in the job's output
//	Copied              who has, or had, an object's bytes      readers ask it in vain, and another one then
//	Ask                 any member, 64 at a time                bytes of objects whose ids it knows, and modules
//	Answer              who was asked                           bytes are checked against sums of the same source; names of nobody
//	Group               the group's node                        resources that are free are reserved
//	Reply               who was asked to reserve                a group that waits, or is placed where nothing is held
//
// Ids are the right to what they name: nobody can tell whether a node was given one or computed it. So what a member can do to
// jobs of which it knows nothing is what it can do with ids that it guesses. A member that names more than 1,000 nodes that are
// no members, or sends what is no message, is taken for dead.
//
// Package memory, below, is a network of nodes in one process.
package peer
