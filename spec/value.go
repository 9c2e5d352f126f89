package spec

// Value is a serialized value: one CBOR item and the references it contains. Inside the bytes a reference is the tag
// [TagRef] or [TagActor] around its position in Links, so that no id ever has to be written into a guest's memory and
// bytes never have to be rewritten when they travel.
//
// A Value is immutable once made: Data and Links are shared by all who hold it.
type Value struct {
	Data  []byte
	Links []Link
}

// Link is a reference contained in a value: to an object, or to an actor.
type Link struct {
	Object ObjectID // set unless IsActor
	Actor  ActorID  // set if IsActor
	// IsActor says which of the two it is.
	IsActor bool
}

// ObjectLink returns the link to an object.
func ObjectLink(id ObjectID) Link { return Link{Object: id} }

// ActorLink returns the link to an actor.
func ActorLink(id ActorID) Link { return Link{Actor: id, IsActor: true} }

// Arg is one argument of a call: a value, or the ref of an object that is awaited and whose value then takes its
// place.
type Arg struct {
	Value Value
	Ref   ObjectID // set if IsRef
	IsRef bool
}

// ValueArg passes a value.
func ValueArg(v Value) Arg { return Arg{Value: v} }

// RefArg passes the value of an object, once it is there.
func RefArg(id ObjectID) Arg { return Arg{Ref: id, IsRef: true} }

// Call is one call as its submitter states it: of a function, of a class's constructor, or of a method.
type Call struct {
	Function string // "add"; for a class or method the class comes first: "Counter", "Counter.Inc"
	Args     []Arg
	Options  TaskOptions
}
