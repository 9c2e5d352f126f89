package host

import (
	"cmp"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/runtime/engine"
	"github.com/raywasm/raywasm/runtime/wazero"
	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store/spill"
)

// Config configures a node. The zero value uses what the machine has.
type Config struct {
	// NumCPUs is how many CPUs' worth of tasks run at once. 0: the CPUs this process may use.
	NumCPUs float64
	// NumGPUs is the number of GPUs offered. 0: none.
	NumGPUs float64
	// Memory, in bytes, is what tasks and actors may reserve. 0: 70 % of the machine's memory, as in Ray.
	Memory int64
	// ObjectStoreMemory, in bytes, bounds the object store. 0: 30 % of the machine's memory, as in Ray.
	ObjectStoreMemory int64
	// Spill is where objects go that do not fit the object store's memory. The zero value is nowhere: then they are refused.
	Spill spill.Config
	// SpillBytes is how many bytes of large objects a node that spills keeps beyond ObjectStoreMemory; what is small stays
	// in memory. 0: nine times ObjectStoreMemory.
	SpillBytes int64
	// MinSpill, in bytes, is how much is written to disk at once if there is so much. 0: 100 MiB, as in Ray.
	MinSpill int64
	// LoseObjects switches off that lost objects are made again by their tasks: then get fails with spec.ObjectLost. It is
	// the opposite of Ray's enable_object_reconstruction, which is on by default as it is in Ray today.
	LoseObjects bool
	// LineageMemory, in bytes, bounds what is kept to make lost objects again. 0: 1 GiB as in Ray, at most a quarter of the
	// object store's memory.
	LineageMemory int64
	// SleepDir is a directory in which actors sleep that have been idle longest, when there are so many that their states
	// take more memory than ParkedMemory, in bytes. "": none sleep. 0: 1 GiB.
	SleepDir     string
	ParkedMemory int64
	// Seed makes what is random the same from run to run: how long retries wait. 0: another one each time.
	Seed uint64
	// Resources are custom resources by name.
	Resources map[string]float64
	// Labels are what tasks and actors may choose the node by. ray.io/node-id is always there.
	Labels map[string]string
	// Quotas are what the tasks and actors of a namespace may hold together. Kinds that a quota does not name are not limited.
	Quotas map[string]spec.Resources
	// CacheDir keeps compiled code between runs. "": raywasm in the user's cache directory; "off": nothing is kept.
	CacheDir string
	// DataDir is the directory in which the node keeps what outlives it: its table of jobs, and detached actors. A node that
	// is opened in it later goes on with them. One node can have it open. "": nothing outlives the node.
	DataDir string
	// Cluster makes the node one of several. nil: it is alone. A node of a cluster has no DataDir.
	Cluster *ClusterConfig
	// Engines are the engines that modules may ask for by name, beside "wazero", which is always there:
	//
	//	Engines: map[string]engine.Open{"wasmtime": wasmtime.Open}
	Engines map[string]engine.Open
	// Engine names the one that runs modules which ask for none. "": wazero.
	Engine string
	// Logger gets what an operator should know: retries, restarts, refused modules. nil: nothing is logged.
	Logger *zap.Logger
}

// Shares of the machine's memory, Ray's defaults.
const (
	memoryPercent      = 70
	objectStorePercent = 30
)

const (
	// spillFactor is how many times the object store's memory may be on disk if nothing is said.
	spillFactor = 9
	// keepFree is which part of its memory the object store keeps at most for the next object while it is free, in per cent:
	// to make pages anew costs several times as much as to use them again.
	keepFree = 25
)

// resolved is a checked Config with every default filled in.
type resolved struct {
	id                spec.NodeID
	total             spec.Resources
	labels            label.Set
	quotas            map[string]spec.Resources
	objectStoreMemory int64
	spill             spill.Config
	spillBytes        int64 // 0: nothing is spilled
	minSpill          int64 // 0: the store's default
	sleepDir          string
	parkedMemory      int64
	lineageMemory     int64  // 0: nothing is made again
	cacheDir          string // "" for none
	dataDir           string // "" for none
	cluster           *ClusterConfig
	engines           map[string]engine.Open
	engine            string
	seed              uint64
	log               *zap.Logger
}

func (c Config) resolve() (resolved, error) {
	const op = "check the node's configuration"
	r := resolved{id: spec.NewNodeID(), sleepDir: c.SleepDir, parkedMemory: cmp.Or(c.ParkedMemory, spec.GiB), objectStoreMemory: c.ObjectStoreMemory, dataDir: c.DataDir, log: c.Logger, engine: cmp.Or(c.Engine, defaultEngine), seed: c.Seed}
	r.engines = map[string]engine.Open{defaultEngine: wazero.Open}
	maps.Copy(r.engines, c.Engines)
	if r.engines[r.engine] == nil {
		return r, unknownEngine(op, r.engine, r.engines)
	}
	for ns, quota := range c.Quotas {
		if err := quota.Check(); err != nil {
			return r, &spec.Error{Op: op, Kind: spec.InvalidArgument, ID: "the quota of namespace " + quote(ns), Err: err}
		}
	}
	if c.Cluster != nil {
		if c.Cluster.Control == nil || c.Cluster.Network == nil {
			return r, spec.Errorf(op, spec.InvalidArgument, "Cluster", "it names no control store, or no network")
		}
		if c.DataDir != "" {
			return r, spec.Errorf(op, spec.Unsupported, "DataDir", "a node of a cluster keeps nothing in a directory of its own: leave it away")
		}
		cluster := *c.Cluster
		cluster.Lease = cmp.Or(cluster.Lease, defaultLease)
		r.cluster = &cluster
	}
	r.quotas = maps.Clone(c.Quotas)
	labels := maps.Clone(c.Labels)
	if labels == nil {
		labels = make(map[string]string)
	}
	labels[label.NodeID] = r.id.String()
	var err error
	if r.labels, err = label.NewSet(labels); err != nil {
		return r, &spec.Error{Op: op, Kind: spec.KindOf(err), ID: "Labels", Err: err}
	}
	if r.log == nil {
		r.log = zap.NewNop()
	}
	if c.NumCPUs == 0 {
		c.NumCPUs = float64(runtime.GOMAXPROCS(0))
	}
	if r.total.CPU, err = spec.Q(c.NumCPUs); err != nil {
		return r, &spec.Error{Op: op, Kind: spec.InvalidArgument, ID: "NumCPUs", Err: err}
	}
	if r.total.GPU, err = spec.Q(c.NumGPUs); err != nil {
		return r, &spec.Error{Op: op, Kind: spec.InvalidArgument, ID: "NumGPUs", Err: err}
	}
	for name, n := range c.Resources {
		q, err := spec.Q(n)
		if err != nil {
			return r, &spec.Error{Op: op, Kind: spec.InvalidArgument, ID: "resource " + name, Err: err}
		}
		if r.total.Custom == nil {
			r.total.Custom = make(map[string]spec.Quantity, len(c.Resources))
		}
		r.total.Custom[name] = q
	}
	r.total.Memory = c.Memory
	if r.total.Memory == 0 {
		r.total.Memory = machineMemory() / 100 * memoryPercent
	}
	if r.objectStoreMemory == 0 {
		r.objectStoreMemory = machineMemory() / 100 * objectStorePercent
	}
	if err := r.total.Check(); err != nil {
		return r, &spec.Error{Op: op, Kind: spec.InvalidArgument, Err: err}
	}
	if r.objectStoreMemory < 0 {
		return r, spec.Errorf(op, spec.InvalidArgument, "ObjectStoreMemory", "%d bytes is negative", r.objectStoreMemory)
	}
	switch r.spill, r.minSpill = c.Spill, c.MinSpill; {
	case c.MinSpill < 0:
		return r, spec.Errorf(op, spec.InvalidArgument, "MinSpill", "%d bytes is negative", c.MinSpill)
	case c.SpillBytes < 0:
		return r, spec.Errorf(op, spec.InvalidArgument, "SpillBytes", "%d bytes is negative", c.SpillBytes)
	case len(c.Spill.Directories) > 0:
		r.spillBytes = cmp.Or(c.SpillBytes, spillFactor*r.objectStoreMemory)
	case c.SpillBytes > 0:
		return r, spec.Errorf(op, spec.InvalidArgument, "SpillBytes", "there is no directory to spill to: name one in Spill.Directories")
	}
	switch {
	case c.LineageMemory < 0:
		return r, spec.Errorf(op, spec.InvalidArgument, "LineageMemory", "%d bytes is negative", c.LineageMemory)
	case !c.LoseObjects:
		r.lineageMemory = cmp.Or(c.LineageMemory, min(spec.GiB, r.objectStoreMemory/4))
	}
	switch c.CacheDir {
	case "off":
	case "":
		if dir, err := os.UserCacheDir(); err == nil { // a machine without one compiles every time
			r.cacheDir = filepath.Join(dir, "raywasm")
		}
	default:
		r.cacheDir = c.CacheDir
	}
	return r, nil
}

// defaultEngine is always there, and runs modules that ask for no other.
const defaultEngine = "wazero"

// unknownEngine says that there is no such engine, and which there are.
func unknownEngine(op, name string, have map[string]engine.Open) *spec.Error {
	return spec.Errorf(op, spec.InvalidArgument, "engine "+quote(name), "this node has no such engine; it has: %s", strings.Join(slices.Sorted(maps.Keys(have)), ", "))
}
