// Package api lets people and programs on the same machine look at a running node from outside: what is in use, what waits and
// why, what keeps which objects, and lists of what there is. Nothing can be changed through it.
//
// A node that is to be seen is given to [Serve], which listens on a unix socket in a directory of the user's own:
//
//	DIR/<node id>.sock      mode 0600, in a directory of mode 0700
//
// and answers HTTP GET requests with JSON:
//
//	/v1/node                what the node is: [Node]
//	/v1/status              [Status]
//	/v1/memory?limit=N      [Memory], with the N largest objects
//	/v1/list/KIND?limit=N   a [List] of rows: [Kinds] says of which
//
// An error is an object {"error": {"kind": …, "message": …}}, where kind is the name of a spec.Kind.
//
// [Find] returns a [Client] for every node that has its socket in the directory. A socket that nobody listens on is of a process
// that was killed, and is removed.
//
// Requests have no body and a bounded head, answers at most [MaxAnswer] bytes, and few are answered at once. Memory and the list of
// objects look at every object, which holds up a node of a million for some tenths of a second. Fields are only added within a version; their names are those of Ray's state API where it has them.
package api
