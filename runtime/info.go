package wasmrt

// Info is what can be said of a module without running it, and of its image once that is made.
type Info struct {
	Digest  string     `json:"digest"`
	Kind    ModuleKind `json:"kind"`
	Bytes   int64      `json:"bytes"`
	Imports []Import   `json:"imports"`
	Exports []Export   `json:"exports"`
	// MemoryMin and MemoryMax are the declared sizes of memory 0, in bytes; a MemoryMax of 0 is none declared.
	MemoryMin int64 `json:"memory_min"`
	MemoryMax int64 `json:"memory_max,omitempty"`
	// Metered: its execution is counted and can be stopped at any time.
	Metered bool `json:"metered"`
	// NoSnapshot says why no image can be made of it: then every call gets a new instance. Empty if one can.
	NoSnapshot []string `json:"no_snapshot,omitempty"`
	// ImageBytes is the size of the image's memory, ImageDigest its name; empty without an image.
	ImageBytes  int64  `json:"image_bytes,omitempty"`
	ImageDigest string `json:"image_digest,omitempty"`
}

// ModuleKind is what sort of module one is, by its exports.
type ModuleKind string

const (
	// KindProgram has a driver, and may have functions and actors: built with an SDK.
	KindProgram ModuleKind = "program"
	// KindFunctions has functions or actors and no driver: built with an SDK.
	KindFunctions ModuleKind = "functions"
	// KindCommand is a plain WASI command: it exports _start.
	KindCommand ModuleKind = "command"
	// KindReactor is a plain WASI reactor: it exports _initialize.
	KindReactor ModuleKind = "reactor"
	// KindPlain has exports and nothing that initialises it.
	KindPlain ModuleKind = "plain"
)

// Import is something a module wants of its host.
type Import struct {
	Module    string `json:"module"`
	Name      string `json:"name"`
	Signature string `json:"signature"` // "(i32, i64) -> i32"; "memory", "table", "global" or "tag" for what is no function
	Granted   bool   `json:"granted"`
	Wanted    string `json:"wanted,omitempty"` // the signature this host has for that name, if it is another
}

// Export is something a module offers.
type Export struct {
	Name      string `json:"name"`
	Kind      string `json:"kind"` // "func", "memory", "global", "table" or "tag"
	Signature string `json:"signature,omitempty"`
}
