package api

import (
	"context"
	"time"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/sched/group"
	"github.com/raywasm/raywasm/spec"
)

// The answers of a node, in their forms.

// maxRows bounds what one list has, and shownRows is how many it has if nothing is said.
const (
	maxRows   = 10_000
	shownRows = 100
)

func (s *Server) nodeForm() Node {
	u := s.node.Usage()
	return Node{ID: s.id, PID: s.pid, Since: s.since, Labels: s.node.Labels(), Total: amounts(u.Total), Free: amounts(u.Free), Waiting: u.Waiting, Store: storeForm(u)}
}

func storeForm(u host.Usage) Store {
	return Store{Limit: u.Store.Limit, Used: u.Store.Used, Spilled: u.Store.Spilled, Disk: u.Store.Disk}
}

func (s *Server) statusForm() Status {
	now := s.node.Status()
	f := Status{Node: s.id, Autoscaler: now.Autoscaler, Pending: []Pending{}, Jobs: []RunningJob{}}
	for _, p := range now.Pending {
		f.Pending = append(f.Pending, Pending{Count: p.Count, Need: amounts(p.Need), Priority: p.Priority, Job: p.Job, Reason: p.Reason, Lacks: amounts(p.Lacks), Text: p.Text})
	}
	for _, j := range s.node.RunningJobs() {
		f.Jobs = append(f.Jobs, RunningJob{j.ID.String(), j.Namespace, j.Since, j.Stats})
	}
	return f
}

func (s *Server) memoryForm(limit int) Memory {
	m := s.node.Memory(limit)
	f := Memory{Node: s.id, Store: storeForm(s.node.Usage()), Uses: []Use{}, Objects: []Object{}, More: m.More, Cycles: m.Cycles}
	for _, u := range m.Uses {
		use := Use{u.Function, u.Call, string(u.Reference), u.Objects, u.Pending, u.Bytes, u.Large, u.Spilled, u.SpilledBytes}
		f.Totals.Add(use)
		f.Uses = append(f.Uses, use)
	}
	for _, o := range m.Objects {
		object := Object{ID: o.ID.String(), Node: s.id, Job: o.ID.Task().Job().String(), Function: o.Function, Call: o.Call, Reference: string(o.Reference),
			Place: string(o.Place), Bytes: o.Bytes, References: o.References, Handles: o.Handles, Pins: []Pin{}}
		for _, p := range o.Pins {
			object.Pins = append(object.Pins, Pin(p))
		}
		f.Objects = append(f.Objects, object)
	}
	return f
}

// Add adds another use to the sums.
func (u *Use) Add(v Use) {
	u.Objects += v.Objects
	u.Pending += v.Pending
	u.Bytes += v.Bytes
	u.Large += v.Large
	u.Spilled += v.Spilled
	u.SpilledBytes += v.SpilledBytes
}

// Kinds are what can be listed, by the name of the kind, each with what its list is.
var Kinds = map[string]string{
	"actors": "actors that live, or that somebody has a handle to", "jobs": "jobs, ended ones too", "nodes": "the nodes themselves",
	"objects": "objects, the largest first", "placement-groups": "placement groups, the newest first", "tasks": "calls that have not finished",
}

// lists make the lists.
var lists = map[string]func(s *Server, ctx context.Context, limit int) (any, error){
	"actors": func(s *Server, _ context.Context, limit int) (any, error) {
		rows, more := s.node.Actors(limit)
		return listOf(rows, more, func(a host.ActorRow) Actor {
			return Actor{ID: a.ID.String(), Class: a.Class, State: a.State, Job: a.Job.String(), Name: a.Name, Namespace: a.Namespace, Node: s.id,
				Detached: a.Detached, Restarts: a.Restarts, Waiting: a.Waiting, Holds: amounts(a.Hold), Group: a.Group, Text: a.Text}
		}), nil
	},
	"jobs": func(s *Server, ctx context.Context, limit int) (any, error) {
		rows, err := s.node.Jobs(ctx)
		if err != nil {
			return nil, err
		}
		more := max(0, len(rows)-limit)
		return listOf(rows[more:], more, func(j host.JobRecord) Job { // the newest
			f := Job{ID: j.ID.String(), Namespace: j.Namespace, Module: j.Module.String(), Status: string(j.Status), Start: time.Unix(0, j.Started).UTC(), Exit: j.Exit, Error: j.Error, Node: s.id}
			if j.Ended != 0 {
				end := time.Unix(0, j.Ended).UTC()
				f.End = &end
			}
			return f
		}), nil
	},
	"nodes": func(s *Server, _ context.Context, _ int) (any, error) {
		return List[Node]{Rows: []Node{s.nodeForm()}}, nil
	},
	"objects": func(s *Server, _ context.Context, limit int) (any, error) {
		m := s.memoryForm(limit)
		return List[Object]{m.Objects, m.More}, nil
	},
	"placement-groups": func(s *Server, _ context.Context, limit int) (any, error) {
		rows := s.node.Groups(limit + 1)
		more := max(0, len(rows)-limit)
		return listOf(rows[:len(rows)-more], more, groupForm), nil
	},
	"tasks": func(s *Server, _ context.Context, limit int) (any, error) {
		rows, more := s.node.Tasks(limit)
		return listOf(rows, more, func(t host.TaskRow) Task {
			f := Task{ID: t.ID.String(), Name: t.Name, State: t.State, Job: t.ID.Job().String(), Function: t.Function, Parent: t.Parent.String(), Node: s.id, Attempt: t.Attempt, Text: t.Text}
			if !t.Actor.IsNone() {
				f.Actor = t.Actor.String()
			}
			return f
		}), nil
	},
}

func listOf[Row, Form any](rows []Row, more int, form func(Row) Form) List[Form] {
	l := List[Form]{make([]Form, len(rows)), more}
	for i, r := range rows {
		l.Rows[i] = form(r)
	}
	return l
}

func groupForm(r group.Row) Group {
	f := Group{ID: r.ID.String(), Name: r.Name, Namespace: r.Namespace, Job: r.Job.String(), State: r.State.String(), Strategy: string(r.Strategy), Detached: r.Detached,
		Bundles: make([]Bundle, len(r.Bundles)), Created: r.Created, Since: r.Since, Why: string(r.Why), Text: r.Text}
	for i, b := range r.Bundles {
		f.Bundles[i] = Bundle{Index: i, Need: amounts(b.Need), Labels: b.Select}
		if b.Placed {
			f.Bundles[i].Node = b.Node.String()
		}
	}
	return f
}

func amounts(r spec.Resources) Resources {
	m := make(Resources)
	for name, n := range map[string]float64{"CPU": r.CPU.Float(), "GPU": r.GPU.Float(), "memory": float64(r.Memory)} {
		if n != 0 {
			m[name] = n
		}
	}
	for name, n := range r.Custom {
		m[name] = n.Float()
	}
	return m
}
