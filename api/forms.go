package api

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/sched/autoscaler"
	"github.com/raywasm/raywasm/spec"
)

// The forms of the answers. Sizes are in bytes, amounts of resources in whole units, ids in hex.

// Resources are amounts by name: CPU, GPU, memory in bytes, and custom ones.
type Resources map[string]float64

// String prints them as Ray's status does: {CPU: 1, memory: 500 MiB, x86: 1}.
func (r Resources) String() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(r)) { // capitals go first: CPU, GPU
		text := strconv.FormatFloat(r[name], 'f', -1, 64)
		if name == "memory" {
			text = spec.FormatBytes(int64(r[name]))
		}
		parts = append(parts, name+": "+text)
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// Node is what a node is and has.
type Node struct {
	ID      string            `json:"node_id"`
	PID     int               `json:"pid"`
	Since   time.Time         `json:"start_time"` // of its API
	Labels  map[string]string `json:"labels"`
	Total   Resources         `json:"resources_total"`
	Free    Resources         `json:"resources_free"`
	Waiting int               `json:"waiting"` // requests for resources
	Store   Store             `json:"object_store"`
}

// Store is what the object store takes.
type Store struct {
	Limit   int64 `json:"limit"`
	Used    int64 `json:"used"`
	Spilled int64 `json:"spilled"` // of objects that are on disk only
	Disk    int64 `json:"disk"`    // of files
}

// Status is how a node is now.
type Status struct {
	Node       string            `json:"node_id"`
	Autoscaler autoscaler.Status `json:"autoscaler"`
	Pending    []Pending         `json:"pending"` // in the order in which each kind began to wait, at most 100 kinds
	Jobs       []RunningJob      `json:"jobs"`
}

// Pending is a number of equal requests of tasks and actors that wait for the same reason.
type Pending struct {
	Count    int       `json:"count"`
	Need     Resources `json:"need"`
	Priority int32     `json:"priority"`
	Job      string    `json:"job_id"`
	Reason   string    `json:"reason"` // resources, order, quota, arguments, environment, group, infeasible, labels or affinity
	Lacks    Resources `json:"lacks"`  // what it needs beyond what it can have now
	Text     string    `json:"text"`   // for people
}

// RunningJob is a job that has not ended.
type RunningJob struct {
	ID        string     `json:"job_id"`
	Namespace string     `json:"ray_namespace"`
	Since     time.Time  `json:"start_time"`
	Stats     host.Stats `json:"stats"`
}

// Memory is what the objects of a node take.
type Memory struct {
	Node    string   `json:"node_id"`
	Store   Store    `json:"object_store"`
	Totals  Use      `json:"totals"`
	Uses    []Use    `json:"uses"` // by site and kind of reference, the most first
	Objects []Object `json:"objects"`
	More    int      `json:"more"` // objects that are not listed
	// Cycles is how many actors only refer to themselves and to each other; what they keep are objects of the kind ONLY_IN_CYCLE.
	Cycles int `json:"unreachable_actors"`
}

// Site is where they were made: "driver: put", "driver: make()".
func (u Use) Site() string { return host.Site{Function: u.Function, Call: u.Call}.String() }

// Site is where it was made.
func (o Object) Site() string { return host.Site{Function: o.Function, Call: o.Call}.String() }

// Use is what some objects take. The totals have no site and no kind.
type Use struct {
	Function     string `json:"function,omitempty"` // in which they were made: "driver" is a program's main function
	Call         string `json:"call,omitempty"`     // the function whose results they are; "": they were put
	Reference    string `json:"reference_type,omitempty"`
	Objects      int    `json:"objects"`
	Pending      int    `json:"pending"` // not there yet
	Bytes        int64  `json:"bytes"`   // reserved, in memory and on disk
	Large        int64  `json:"large_bytes"`
	Spilled      int    `json:"spilled"` // on disk only
	SpilledBytes int64  `json:"spilled_bytes"`
}

// Object is one object and what keeps it.
type Object struct {
	ID         string `json:"object_id"`
	Node       string `json:"node_id"`
	Job        string `json:"job_id"`
	Function   string `json:"function"`
	Call       string `json:"call,omitempty"`
	Reference  string `json:"reference_type"`
	Place      string `json:"place"` // pending, table, memory, both, disk or error
	Bytes      int64  `json:"object_size"`
	References int    `json:"references"`
	Handles    int    `json:"handles"`   // of them, of programs that run
	Pins       []Pin  `json:"pinned_by"` // others, at most ten
}

// Pin is what has a reference to an object.
type Pin struct {
	Kind string `json:"kind"` // task, actor or object
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

// List is rows of one kind.
type List[Row any] struct {
	Rows []Row `json:"rows"`
	More int   `json:"more"` // that are not among them
}

// Actor is an actor that lives, or that somebody has a handle to.
type Actor struct {
	ID        string    `json:"actor_id"`
	Class     string    `json:"class_name"`
	State     string    `json:"state"` // PENDING_CREATION, ALIVE, RESTARTING or DEAD
	Job       string    `json:"job_id"`
	Name      string    `json:"name"`
	Namespace string    `json:"ray_namespace"` // of the name
	Node      string    `json:"node_id"`
	Detached  bool      `json:"is_detached"`
	Restarts  int32     `json:"num_restarts"`
	Waiting   int       `json:"num_pending_calls"`
	Holds     Resources `json:"required_resources"`
	Group     string    `json:"placement_group_id"`
	Text      string    `json:"pending_text,omitempty"`
}

// Task is a call that has not finished.
type Task struct {
	ID       string `json:"task_id"`
	Name     string `json:"name"`
	State    string `json:"state"` // PENDING_ARGS_AVAIL, PENDING_NODE_ASSIGNMENT, PENDING_ACTOR_TASK_ORDERING_OR_CONCURRENCY or RUNNING
	Job      string `json:"job_id"`
	Actor    string `json:"actor_id,omitempty"`
	Function string `json:"func_or_class_name"`
	Parent   string `json:"parent_task_id"`
	Node     string `json:"node_id"`
	Attempt  int32  `json:"attempt_number"`
	Text     string `json:"text"` // what it waits for, or how long it has run
}

// Job is what is known of a job, ended ones too.
type Job struct {
	ID        string     `json:"job_id"`
	Namespace string     `json:"ray_namespace"`
	Module    string     `json:"module"`
	Status    string     `json:"status"` // RUNNING, SUCCEEDED, FAILED or STOPPED
	Start     time.Time  `json:"start_time"`
	End       *time.Time `json:"end_time,omitempty"`
	Exit      int        `json:"driver_exit_code"`
	Error     string     `json:"message,omitempty"`
	Node      string     `json:"node_id"`
}

// Group is a placement group; removed ones are listed for a while.
type Group struct {
	ID        string    `json:"placement_group_id"`
	Name      string    `json:"name"`
	Namespace string    `json:"ray_namespace"`
	Job       string    `json:"creator_job_id"`
	State     string    `json:"state"` // PENDING, PREPARED, CREATED, RESCHEDULING or REMOVED
	Strategy  string    `json:"strategy"`
	Detached  bool      `json:"is_detached"`
	Bundles   []Bundle  `json:"bundles"`
	Created   time.Time `json:"created_at"`
	Since     time.Time `json:"state_since"`
	Why       string    `json:"pending_reason,omitempty"` // resources, infeasible or order
	Text      string    `json:"pending_text,omitempty"`
}

// Bundle is a bundle of a group.
type Bundle struct {
	Index  int       `json:"bundle_index"`
	Need   Resources `json:"unit_resources"`
	Labels string    `json:"label_selector,omitempty"`
	Node   string    `json:"node_id,omitempty"` // where it is reserved
}
