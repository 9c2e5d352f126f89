package owner

import (
	"slices"

	"github.com/raywasm/raywasm/spec"
)

// Lineage remembers which task made an object and of what, as long as somebody may want the object or something made of it
// made again. What it remembers has a bound: beyond, the oldest half is forgotten. (Ray: fault tolerance, objects;
// max_lineage_bytes.)
//
// A task is remembered while one of its objects is referred to (live) or a remembered task took one of them as an argument
// (wanted): then the object itself may be gone, and is made again too.
type Lineage struct {
	limit, bytes int64
	tasks        map[spec.TaskID]*made
	order        []spec.TaskID // oldest first; who is forgotten or was remembered anew is skipped
	head         int
}

// made is a task that is remembered.
type made struct {
	args    []spec.ObjectID
	wants   int   // how many of args, the first ones, are made by tasks that are remembered
	live    int   // of its objects
	wanted  int   // as arguments of tasks that are remembered
	left    int32 // how often it may run again; -1 for ever
	max     int32 // what left was in the beginning
	bytes   int64
	evicted bool // only that it was remembered is known
}

// NewLineage returns a lineage of at most limit bytes.
func NewLineage(limit int64) *Lineage {
	return &Lineage{limit: limit, tasks: make(map[spec.TaskID]*made)}
}

// Bytes returns the size of what is remembered, Len of how many tasks.
func (l *Lineage) Bytes() int64 { return l.bytes }
func (l *Lineage) Len() int     { return len(l.tasks) }

// Making says of what a task made its objects.
type Making struct {
	Task  spec.TaskID
	Args  []spec.ObjectID // what it was given, directly or inside of values; it is referred to while Keep is called
	Live  int             // how many of its objects are to be made again if they are lost; at least one
	Left  int32           // how often it may run again; -1 for ever
	Max   int32           // its max_retries
	Bytes int64           // of its record: arguments by value and all
}

// Keep remembers a task that has just made its objects. A task that made them again is remembered once. It appends the
// tasks that are forgotten for it to forgotten.
func (l *Lineage) Keep(m Making, forgotten []spec.TaskID) []spec.TaskID {
	t := l.tasks[m.Task]
	if t != nil && !t.evicted { // it made them again, of the same
		t.live, t.left = m.Live, m.Left
		return forgotten
	}
	if t == nil {
		t = &made{}
		l.tasks[m.Task] = t
	}
	*t = made{args: slices.Clone(m.Args), live: m.Live, wanted: t.wanted, left: m.Left, max: m.Max, bytes: m.Bytes}
	for i, arg := range t.args {
		if maker := l.tasks[arg.Task()]; maker != nil && !arg.IsPut() {
			maker.wanted++
			t.args[i], t.args[t.wants] = t.args[t.wants], t.args[i]
			t.wants++
		}
	}
	l.bytes += m.Bytes
	if len(l.order)-l.head > 2*len(l.tasks)+64 {
		l.order = slices.DeleteFunc(l.order[l.head:], func(id spec.TaskID) bool { return l.tasks[id] == nil || l.tasks[id].evicted })
		l.head = 0
	}
	l.order = append(l.order, m.Task)
	if l.bytes <= l.limit {
		return forgotten
	}
	for l.bytes > l.limit/2 && l.head < len(l.order) {
		id := l.order[l.head]
		l.head++
		if old := l.tasks[id]; old != nil && !old.evicted {
			forgotten = l.strip(old, append(forgotten, id))
			old.evicted = true
			if old.live == 0 && old.wanted == 0 {
				delete(l.tasks, id)
			}
		}
	}
	l.order = append(l.order[:0], l.order[l.head:]...)
	l.head = 0
	return forgotten
}

// Freed says that nobody refers to an object of the task any more, one of the live ones. It appends the tasks that are
// forgotten with it.
func (l *Lineage) Freed(task spec.TaskID, forgotten []spec.TaskID) []spec.TaskID {
	t := l.tasks[task]
	if t == nil {
		return forgotten
	}
	t.live--
	return l.drop(task, t, forgotten)
}

// drop forgets the task if nothing needs it, and then what only it needed.
func (l *Lineage) drop(id spec.TaskID, t *made, forgotten []spec.TaskID) []spec.TaskID {
	if t.live > 0 || t.wanted > 0 {
		return forgotten
	}
	delete(l.tasks, id)
	if t.evicted {
		return forgotten
	}
	return l.strip(t, append(forgotten, id))
}

// strip forgets of what a task made its objects, and appends the tasks that only it needed.
func (l *Lineage) strip(t *made, forgotten []spec.TaskID) []spec.TaskID {
	stripped := []*made{t}
	for i := 0; i < len(stripped); i++ {
		args := stripped[i].args[:stripped[i].wants]
		l.bytes -= stripped[i].bytes
		stripped[i].args, stripped[i].wants, stripped[i].bytes = nil, 0, 0
		for _, arg := range args {
			maker := l.tasks[arg.Task()]
			if maker.wanted--; maker.wanted > 0 || maker.live > 0 {
				continue
			}
			delete(l.tasks, arg.Task())
			if !maker.evicted {
				forgotten = append(forgotten, arg.Task())
				stripped = append(stripped, maker)
			}
		}
	}
	return forgotten
}

// Rebuild says what has to run so that a lost object is there again: tasks, and the objects that are missing for it, the
// lost one first. there reports whether an object is there or being made. The tasks have used up one of their runs. It
// fails with one of the kinds below spec.ObjectLost, and then nothing is to run.
func (l *Lineage) Rebuild(lost spec.ObjectID, there func(spec.ObjectID) bool) (tasks []spec.TaskID, missing []spec.ObjectID, err *spec.Error) {
	missing = append(missing, lost)
	seen := map[spec.ObjectID]bool{lost: true}
	planned := make(map[spec.TaskID]bool)
	for i := 0; i < len(missing); i++ { // missing is also the list of what is still to look into
		id := missing[i]
		t, err := l.maker(id)
		if err != nil {
			if i > 0 {
				err = &spec.Error{Op: "make again", Kind: spec.ReconstructionFailed, ID: "object " + lost.String(), Err: err}
			}
			return nil, nil, err
		}
		if planned[id.Task()] {
			continue
		}
		planned[id.Task()] = true
		tasks = append(tasks, id.Task())
		for _, arg := range t.args {
			if !seen[arg] && !there(arg) {
				seen[arg] = true
				missing = append(missing, arg)
			}
		}
	}
	for _, id := range tasks {
		if t := l.tasks[id]; t.left > 0 {
			t.left--
		}
	}
	return tasks, missing, nil
}

// Left returns how often a task may run again still.
func (l *Lineage) Left(task spec.TaskID) int32 {
	if t := l.tasks[task]; t != nil {
		return t.left
	}
	return 0
}

// maker returns the task that can make the object again.
func (l *Lineage) maker(id spec.ObjectID) (*made, *spec.Error) {
	const op = "make again"
	label := "object " + id.String()
	if id.IsPut() {
		return nil, spec.Errorf(op, spec.ReconstructionFailed, label, "task %s put it, and only what tasks return can be made again", id.Task())
	}
	t := l.tasks[id.Task()]
	switch {
	case t == nil:
		return nil, spec.Errorf(op, spec.ReconstructionFailed, label, "task %s that made it cannot run again: it is a method of an actor without max_task_retries, or all that was made of it was freed", id.Task())
	case t.evicted:
		return nil, spec.Errorf(op, spec.ReconstructionLineageEvicted, label, "how task %s made it was forgotten, because the lineage had more than %s", id.Task(), spec.FormatBytes(l.limit))
	case t.left == 0 && t.max == 0:
		return nil, spec.Errorf(op, spec.ReconstructionFailed, label, "the max_retries of task %s that made it is 0", id.Task())
	case t.left == 0:
		return nil, spec.Errorf(op, spec.ReconstructionAttemptsExceeded, label, "task %s that made it has run again %d times, which is its max_retries", id.Task(), t.max)
	}
	return t, nil
}
