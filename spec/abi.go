package spec

import (
	"cmp"
	"slices"
)

// ABIVersion is the version of the guest ABI that this package describes: the imports of module [ABIModule].
const ABIVersion = 1

// ABIModule is the import module of the guest ABI. A later version adds a module; it never changes this one.
const ABIModule = "ray_v1"

// Exports that a module offers to take part.
const (
	// ExportCall is "ray_call": (kind i32, nargs i32) -> i32. It runs one call; 0 means it returned, 1 that it failed.
	ExportCall = "ray_call"
	// ExportStart is "ray_start": (call i32, nargs i32) -> i32. Optional: it begins a call of an actor's method that other
	// calls may run beside. The call goes on after the export has returned, and ends by the import done. The result is a
	// [Progress].
	ExportStart = "ray_start"
	// ExportResume is "ray_resume": (events i32) -> i32. It goes with [ExportStart]: things happened that calls wait for,
	// see the import events. The result is a [Progress].
	ExportResume = "ray_resume"
	// ExportDescribe is "ray_describe": () -> i32. It passes a [Description] to ret.
	ExportDescribe = "ray_describe"
	// ExportMain is "ray_main": () -> i32. It runs the driver program and returns its exit status.
	ExportMain = "ray_main"
	// ExportFresh is "ray_fresh": () -> (). Optional: called first in every sandbox that starts from an image, so that
	// generators which were seeded during initialisation can be seeded anew.
	ExportFresh = "ray_fresh"
)

// CallKind tells [ExportCall] what to run.
type CallKind int32

const (
	// CallFunction runs the named function.
	CallFunction CallKind = 0
	// CallNew constructs an actor of the named class; the sandbox is the actor from then on.
	CallNew CallKind = 1
	// CallMethod runs the named method of the sandbox's actor.
	CallMethod CallKind = 2
	// CallHook runs what the named class does before an actor of it ends gracefully. It has no arguments and no results.
	CallHook CallKind = 3
)

// Progress is what [ExportStart] and [ExportResume] return.
type Progress int32

const (
	// ProgressWaiting: every call that has not ended waits for an event.
	ProgressWaiting Progress = 0
	// ProgressPoll: some wait for something that the host does not know of, such as a timer of the guest's own: it is to
	// be resumed without an event, too.
	ProgressPoll Progress = 1
)

// EventKind says what an event of a concurrent actor is, see [ExportResume].
type EventKind uint32

const (
	// EventReady: the wait with the number given as token is over.
	EventReady EventKind = 1
	// EventCancelled: the call of that number is cancelled. It still ends by done.
	EventCancelled EventKind = 2
)

// Description is what a module says of itself, once per digest.
type Description struct {
	ABI       int        `cbor:"1,keyasint"`
	SDK       string     `cbor:"2,keyasint,omitempty"` // e.g. "go 0.1"
	Functions []Function `cbor:"3,keyasint,omitempty"`
	Classes   []Class    `cbor:"4,keyasint,omitempty"`
	Main      bool       `cbor:"5,keyasint,omitempty"` // whether ray_main runs a driver
}

// Function describes a remote function, constructor or method.
type Function struct {
	Name    string      `cbor:"1,keyasint"`
	Params  []string    `cbor:"2,keyasint,omitempty"` // types, in the guest's language
	Result  string      `cbor:"3,keyasint,omitempty"` // type, in the guest's language; empty for none
	Options TaskOptions `cbor:"4,keyasint,omitzero"`
}

// Class describes an actor class. The names of methods have no class prefix here.
type Class struct {
	Name    string       `cbor:"1,keyasint"`
	New     Function     `cbor:"2,keyasint"`
	Methods []Function   `cbor:"3,keyasint,omitempty"`
	Options ActorOptions `cbor:"4,keyasint,omitzero"`
	// Hook says that the class has something to do before an actor of it ends gracefully, see [CallHook].
	Hook bool `cbor:"5,keyasint,omitempty"`
}

const checkDescription = "check the module's description"

// Check reports what is malformed or over a limit in d.
func (d *Description) Check() error {
	const op = checkDescription
	if d.ABI != ABIVersion {
		return Errorf(op, InvalidModule, "", "it uses guest ABI version %d, this host offers %d", d.ABI, ABIVersion)
	}
	total := len(d.Functions) + len(d.Classes)
	seen := make(map[string]bool)
	name := func(kind, n string) error {
		if n == "" || len(n) > MaxNameBytes {
			return Errorf(op, InvalidModule, "", "the name of a %s has 1 to %d bytes", kind, MaxNameBytes)
		}
		if seen[n] {
			return Errorf(op, InvalidModule, "", "%s %q is described twice", kind, n)
		}
		seen[n] = true
		return nil
	}
	for i := range d.Functions {
		if err := name("function", d.Functions[i].Name); err != nil {
			return err
		}
		if err := d.Functions[i].Options.Check(); err != nil {
			return &Error{Op: op, Kind: InvalidModule, ID: d.Functions[i].Name, Err: err}
		}
	}
	for i := range d.Classes {
		c := &d.Classes[i]
		total += len(c.Methods)
		if err := name("class", c.Name); err != nil {
			return err
		}
		if err := cmp.Or(c.Options.Check(), c.New.Options.Check()); err != nil {
			return &Error{Op: op, Kind: InvalidModule, ID: c.Name, Err: err}
		}
		for j := range c.Methods {
			if c.Methods[j].Name == "" {
				return Errorf(op, InvalidModule, c.Name, "the name of a method is empty")
			}
			if err := name("method", c.Name+"."+c.Methods[j].Name); err != nil {
				return err
			}
			if err := c.Methods[j].Options.Check(); err != nil {
				return &Error{Op: op, Kind: InvalidModule, ID: c.Name + "." + c.Methods[j].Name, Err: err}
			}
		}
	}
	if total > MaxFunctions {
		return tooMany(total)
	}
	return nil
}

func tooMany(n int) error {
	return Errorf(checkDescription, LimitExceeded, "", "%d functions, classes and methods, at most %d (MaxFunctions)", n, MaxFunctions)
}

// UnmarshalCBOR counts what b describes before it makes room for it: an empty map is one byte in b and a whole [Class]
// in memory.
func (d *Description) UnmarshalCBOR(b []byte) error {
	type description struct { // an empty struct takes no room
		Functions []struct{} `cbor:"3,keyasint"`
		Classes   []struct{} `cbor:"4,keyasint"`
	}
	var lists description
	if err := decMode.Unmarshal(b, &lists); err != nil {
		return err
	}
	total := len(lists.Functions) + len(lists.Classes)
	if total > MaxFunctions {
		return tooMany(total)
	}
	type class struct {
		Methods []struct{} `cbor:"3,keyasint"`
	}
	var methods struct {
		Classes []class `cbor:"4,keyasint"`
	}
	if err := decMode.Unmarshal(b, &methods); err != nil {
		return err
	}
	for _, c := range methods.Classes {
		total += len(c.Methods)
	}
	if total > MaxFunctions {
		return tooMany(total)
	}
	type plain Description // without this method
	return decMode.Unmarshal(b, (*plain)(d))
}

// Function returns the description of the named function.
func (d *Description) Function(name string) (*Function, bool) {
	i := slices.IndexFunc(d.Functions, func(f Function) bool { return f.Name == name })
	if i < 0 {
		return nil, false
	}
	return &d.Functions[i], true
}

// Class returns the description of the named class.
func (d *Description) Class(name string) (*Class, bool) {
	i := slices.IndexFunc(d.Classes, func(c Class) bool { return c.Name == name })
	if i < 0 {
		return nil, false
	}
	return &d.Classes[i], true
}

// Method returns the description of the class's method.
func (c *Class) Method(name string) (*Function, bool) {
	i := slices.IndexFunc(c.Methods, func(f Function) bool { return f.Name == name })
	if i < 0 {
		return nil, false
	}
	return &c.Methods[i], true
}

// Self tells a guest where it runs. Ids are hex text: a guest shows them to people and never passes them back.
type Self struct {
	Job       string    `cbor:"1,keyasint"`
	Task      string    `cbor:"2,keyasint"`
	Actor     string    `cbor:"3,keyasint,omitempty"`
	Node      string    `cbor:"4,keyasint"`
	Namespace string    `cbor:"5,keyasint"`
	Name      string    `cbor:"6,keyasint,omitempty"` // the task's name
	Attempt   int32     `cbor:"7,keyasint"`           // 0 for the first
	Resources Resources `cbor:"8,keyasint,omitzero"`  // what the task holds
	Deadline  int64     `cbor:"9,keyasint,omitempty"` // nanoseconds since 1970 UTC, 0 for none
	Module    string    `cbor:"10,keyasint"`          // digest of the module that runs
}

// ClusterResources is what the cluster has, and what of it nobody holds or has reserved.
type ClusterResources struct {
	Total     Resources `cbor:"1,keyasint"`
	Available Resources `cbor:"2,keyasint"`
}

// LogLevel is the level of a guest's log record, with slog's numbers.
type LogLevel int32

const (
	LogDebug LogLevel = -4
	LogInfo  LogLevel = 0
	LogWarn  LogLevel = 4
	LogError LogLevel = 8
)
