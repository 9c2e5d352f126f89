package wasmbin

// Limits bounds what Parse accepts. Each field is a maximum; DefaultLimits
// fills them in, and a field left zero admits none of its kind.
type Limits struct {
	ModuleBytes    int // size of the whole module, in bytes
	Types          int // function types
	Params         int // parameters of one function type, and its results
	Imports        int // imports of every kind
	Functions      int // functions, imported ones included
	Tables         int // tables, imported ones included
	TableEntries   int // smallest size a table may ask for, in entries
	Memories       int // memories, imported ones included
	Tags           int // exception tags, imported ones included
	Globals        int // globals, imported ones included
	Exports        int // exports of every kind
	Elements       int // element segments
	ElementEntries int // entries of all element segments together
	DataSegments   int // data segments
	CustomSections int // custom sections
	BodyBytes      int // size of one function body, in bytes
	Locals         int // locals of one function, parameters included
	BranchTargets  int // targets of one br_table, the default not counted
	Nesting        int // blocks open at once in one function
}

// Defaults of Limits. Where the WebAssembly JavaScript interface has a figure
// (its section "Implementation-defined Limits") and a smaller one would refuse
// no program known to us, ours is below it.
const (
	DefaultModuleBytes    = 64 << 20 // bytes; CPython is 30 MB
	DefaultTypes          = 20_000   // a Go guest has 30, CPython some hundreds
	DefaultParams         = 1_000    // as in browsers
	DefaultImports        = 10_000
	DefaultFunctions      = 200_000 // CPython has 15,000
	DefaultTables         = 100
	DefaultTableEntries   = 1 << 20 // entries; an engine spends 8 bytes on each
	DefaultMemories       = 100
	DefaultTags           = 1_000
	DefaultGlobals        = 10_000
	DefaultExports        = 100_000 // C linked with --export-all has 20,000
	DefaultElements       = 10_000
	DefaultElementEntries = 1 << 20
	DefaultDataSegments   = 100_000 // as in browsers; a Go guest has thousands
	DefaultCustomSections = 1_000
	DefaultBodyBytes      = 4 << 20 // bytes; browsers and wasmtime take 7,654,321, and passes make bodies longer
	DefaultLocals         = 49_000  // browsers and wasmtime take 50,000, and passes add some
	DefaultBranchTargets  = 65_520  // as in browsers
	DefaultNesting        = 10_000  // Go nests one block per resume point
)

// DefaultLimits returns the limits Parse works under.
func DefaultLimits() Limits {
	return Limits{
		ModuleBytes:    DefaultModuleBytes,
		Types:          DefaultTypes,
		Params:         DefaultParams,
		Imports:        DefaultImports,
		Functions:      DefaultFunctions,
		Tables:         DefaultTables,
		TableEntries:   DefaultTableEntries,
		Memories:       DefaultMemories,
		Tags:           DefaultTags,
		Globals:        DefaultGlobals,
		Exports:        DefaultExports,
		Elements:       DefaultElements,
		ElementEntries: DefaultElementEntries,
		DataSegments:   DefaultDataSegments,
		CustomSections: DefaultCustomSections,
		BodyBytes:      DefaultBodyBytes,
		Locals:         DefaultLocals,
		BranchTargets:  DefaultBranchTargets,
		Nesting:        DefaultNesting,
	}
}
