package host

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/control"
	"github.com/raywasm/raywasm/control/local"
	"github.com/raywasm/raywasm/host/hostcall"
	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store/checkpoints"
	"github.com/raywasm/raywasm/wal"
)

// A node with a data directory finds its detached actors again after it was killed. The directory has three parts:
//
//	control/   the tables of jobs, actors and names
//	actors/    the constructor's arguments and the newest checkpoint of each durable actor
//	modules/   the bytes of the modules that they run, by digest
//
// An actor is durable if it is detached. Its creation is on disk before its handle is returned; if its constructor waits for
// refs, when these are there. Each checkpoint is on disk before the call is answered after which it was due: so with a
// checkpoint after every call, whatever was answered is there after a crash, once. Of an actor with concurrent calls that holds
// for its quiet points alone: the state is kept when no call is on its way, and answers do not wait for that, as calls may wait
// for each other's.

// actorRecord is an actor in the table of actors.
type actorRecord struct {
	Job       spec.JobID        `cbor:"1,keyasint"`
	Module    spec.Digest       `cbor:"2,keyasint"`
	Engine    string            `cbor:"3,keyasint"`
	Trusted   bool              `cbor:"4,keyasint,omitempty"`
	Class     string            `cbor:"5,keyasint"`
	Namespace string            `cbor:"6,keyasint"` // of its job
	Options   spec.ActorOptions `cbor:"7,keyasint"`
	Env       []string          `cbor:"8,keyasint,omitempty"`
	Files     string            `cbor:"9,keyasint,omitempty"` // the job's working directory
}

// sleeper is an actor in actors/: what its next incarnation is made of.
type sleeper struct {
	Args    []keptValue         `cbor:"1,keyasint,omitempty"` // of its constructor
	State   []byte              `cbor:"2,keyasint,omitempty"` // the checkpoint; none: the constructor runs
	Handles hostcall.HandleForm `cbor:"3,keyasint,omitzero"`  // that it held then
	Objects []keptObject        `cbor:"4,keyasint,omitempty"` // what these refer to
}

const actorPrefix = "actor/"

func actorKey(id spec.ActorID) string { return actorPrefix + id.String() }

// openDurable opens the control store, and with a data directory what else is in it.
func (n *Node) openDurable() error {
	if n.cfg.cluster != nil {
		n.control = n.cfg.cluster.Control
		return nil
	}
	var files wal.Dir
	if n.cfg.dataDir != "" {
		dir, err := wal.OpenDir(filepath.Join(n.cfg.dataDir, "control"))
		if err != nil {
			return err
		}
		files = dir
	}
	own, err := local.Open(files)
	if err != nil {
		return err
	}
	n.control, n.ownControl = own, own
	if n.cfg.dataDir == "" {
		return nil
	}
	if err := os.MkdirAll(n.modulesDir(), 0o700); err != nil {
		return err
	}
	n.states, err = checkpoints.Open(filepath.Join(n.cfg.dataDir, "actors"), checkpoints.Options{})
	return err
}

func (n *Node) closeDurable() error {
	var err error
	if n.states != nil {
		err = n.states.Close()
	}
	if n.ownControl != nil {
		err = errors.Join(err, n.ownControl.Close())
	}
	return err
}

func (n *Node) modulesDir() string { return filepath.Join(n.cfg.dataDir, "modules") }

func (n *Node) modulePath(d spec.Digest) string {
	return filepath.Join(n.modulesDir(), d.String()[len("sha256:"):]+".wasm")
}

// keepModule writes the module's bytes to the data directory, durably, unless they are there.
func (n *Node) keepModule(m *Module) error {
	path := n.modulePath(m.Digest())
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	f, err := os.CreateTemp(n.modulesDir(), "new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(m.bytes)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		if err = os.Rename(f.Name(), path); err == nil {
			return wal.SyncDir(n.modulesDir())
		}
	}
	return errors.Join(err, os.Remove(f.Name()))
}

// enrolled makes a detached actor durable before anybody has its handle, unless its constructor waits for refs.
func (a *actor) enrolled() error {
	for _, arg := range a.args {
		if arg.IsRef {
			return nil
		}
	}
	return a.enroll(a.args)
}

// enroll makes a detached actor durable, once.
func (a *actor) enroll(args []spec.Arg) error {
	n := a.node
	if !a.mayOutlive() || a.lasts() {
		return nil
	}
	s := sleeper{}
	keep := keeping{node: n, seen: make(map[spec.ObjectID]bool)}
	for _, arg := range args {
		v := arg.Value
		if arg.IsRef && len(v.Data) == 0 {
			var err error
			if v, _, err = n.objects.value(context.Background(), arg.Ref); err != nil {
				return err
			}
		}
		if err := keep.refer(v.Links); err != nil {
			return err
		}
		s.Args = append(s.Args, kept(v))
	}
	s.Objects = keep.objects
	r := actorRecord{Job: a.job.id, Module: a.module.Digest(), Engine: a.module.key.Engine, Trusted: a.module.key.Trusted, Class: a.class.Name,
		Namespace: a.job.namespace, Options: a.opts, Env: a.job.env, Files: a.job.cfg.WorkingDir}
	record, err := spec.Marshal(r)
	if err != nil {
		return err
	}
	if err := n.keepModule(a.module); err != nil {
		return &spec.Error{Op: "keep module", Kind: spec.OutOfDisk, ID: a.module.Digest().Short(), Err: err}
	}
	ctx := context.Background()
	if err := a.saveState(s); err != nil {
		return err
	}
	if _, err := n.control.Commit(ctx, control.Txn{Put: []control.Put{{Key: actorKey(a.id), Value: record}}}); err != nil {
		return errors.Join(err, n.states.Delete(ctx, a.id))
	}
	a.mu.Lock()
	a.durable = true
	ended := a.ended
	a.mu.Unlock()
	if ended { // it was killed meanwhile
		a.retire()
	}
	return nil
}

// keepState makes a checkpoint durable, with what its handles refer to.
func (a *actor) keepState(c *checkpoint) error {
	keep := keeping{node: a.node, seen: make(map[spec.ObjectID]bool)}
	if err := keep.refer(c.handles.Links()); err != nil {
		return &spec.Error{Op: "keep checkpoint", Kind: spec.KindOf(err), ID: a.label(), Err: err}
	}
	return a.saveState(sleeper{State: c.state, Handles: c.handles.Form(), Objects: keep.objects})
}

func (a *actor) saveState(s sleeper) error {
	b, err := spec.Marshal(s)
	if err != nil {
		return err
	}
	return a.node.states.Save(context.Background(), a.id, b, 0)
}

// retire forgets a durable actor that has died, unless it is only its node that ends.
func (a *actor) retire() {
	if !a.lasts() || a.node.ends() {
		return
	}
	ctx := context.Background()
	_, err := a.node.control.Commit(ctx, control.Txn{Delete: []string{actorKey(a.id)}})
	if err = errors.Join(err, a.node.states.Delete(ctx, a.id)); err != nil {
		a.node.log.Error("a dead actor stays in the data directory", zap.String("actor", a.label()), zap.Error(err))
	}
}

// ends reports whether the node is about to end, and everything on it.
func (n *Node) ends() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.closed || n.scope.ctx.Err() != nil
}

// mayOutlive reports whether the actor is one to be kept in the data directory.
func (a *actor) mayOutlive() bool { return a.detached && a.node.states != nil }

// settle ends the task of a call that has been served: at once, or if the actor is durable when answer is called, after
// the checkpoint that is due.
func (a *actor) settle(t *task, values []spec.Value, err *spec.Error) (answer func(error)) {
	if a.lasts() {
		return a.owes(t, values, err)
	}
	t.finish(values, err)
	return answered
}

// answered is what is left to do for a call that has its answer.
func answered(error) {}

// owes holds back the answer to a call that has been served, until what it is given with is durable. If that failed the
// answer is the failure: the call's effect may be lost.
func (a *actor) owes(t *task, values []spec.Value, failed *spec.Error) (answer func(error)) {
	values = slices.Clone(values) // they are the session's
	var links []spec.Link
	for _, v := range values {
		links = append(links, v.Links...)
	}
	a.node.objects.retain(links)
	return func(err error) {
		if err != nil {
			failed = t.failure(&spec.Error{Op: "keep its effect", Kind: spec.KindOf(err), ID: a.label(), Err: err})
			values = nil
		}
		t.finish(values, failed)
		a.node.objects.release(links)
	}
}

// reviveActors makes the actors of the data directory again. One that cannot be is logged and stays there. What of the
// directory belongs to no actor, of creations and deaths that a crash interrupted and of actors that have died, goes.
func (n *Node) reviveActors(ctx context.Context) error {
	if n.states == nil {
		return nil
	}
	records, unknown, err := n.actorRecords(ctx)
	if err != nil {
		return err
	}
	for id := range records { // first, as they may refer to each other
		n.objects.adopt(id)
	}
	modules := make(map[spec.Digest]bool)
	jobs := make(map[spec.JobID]*Job)
	for id, r := range records {
		modules[r.Module] = true
		if err := n.reviveActor(ctx, id, r, jobs); err != nil {
			n.log.Error("an actor of the data directory was not made again", zap.String("actor", id.String()), zap.Error(err))
			n.objects.release([]spec.Link{spec.ActorLink(id)})
		}
	}
	n.endGroupsOf(func(id spec.ActorID) bool { _, known := records[id]; return !known && !unknown })
	for id := range n.states.Actors() {
		if _, known := records[id]; !known && !unknown {
			if err := n.states.Delete(ctx, id); err != nil {
				return err
			}
		}
	}
	if unknown {
		return nil
	}
	return n.dropModules(modules)
}

// actorRecords reads the table of actors. unknown: it has some that cannot be read.
func (n *Node) actorRecords(ctx context.Context) (records map[spec.ActorID]actorRecord, unknown bool, err error) {
	records = make(map[spec.ActorID]actorRecord)
	for page := (control.Page{}); ; {
		l, err := n.control.List(ctx, actorPrefix, page)
		if err != nil {
			return nil, false, err
		}
		for _, item := range l.Items {
			var r actorRecord
			id, err := spec.ParseActorID(item.Key[len(actorPrefix):])
			if err == nil {
				err = spec.Unmarshal(item.Value, &r)
			}
			if err != nil {
				n.log.Error("an actor of the data directory was not made again", zap.String("actor", item.Key), zap.Error(err))
				unknown = true
				continue
			}
			records[id] = r
		}
		if page.After = l.Next; page.After == "" {
			return records, unknown, nil
		}
	}
}

// dropModules removes the files of modules that no actor needs, and of those that were not written to the end.
func (n *Node) dropModules(needed map[spec.Digest]bool) error {
	files, err := os.ReadDir(n.modulesDir())
	if err != nil {
		return err
	}
	names := make(map[string]bool)
	for d := range needed {
		names[filepath.Base(n.modulePath(d))] = true
	}
	for _, f := range files {
		if !names[f.Name()] {
			err = errors.Join(err, os.Remove(filepath.Join(n.modulesDir(), f.Name())))
		}
	}
	return err
}

func (n *Node) reviveActor(ctx context.Context, id spec.ActorID, r actorRecord, jobs map[spec.JobID]*Job) error {
	var s sleeper
	saved, err := n.states.Load(id)
	if err != nil {
		return err
	}
	if err := spec.Unmarshal(saved.Checkpoint, &s); err != nil {
		return err
	}
	wasm, err := os.ReadFile(n.modulePath(r.Module))
	if err != nil {
		return err
	}
	if spec.DigestOf(wasm) != r.Module {
		return spec.Errorf("read module", spec.Corrupted, r.Module.Short(), "its file has other bytes")
	}
	m, err := n.LoadWith(ctx, wasm, LoadConfig{Engine: r.Engine, Trusted: r.Trusted})
	if err != nil {
		return err
	}
	class, ok := m.classes[r.Class]
	if !ok {
		return m.missing("make actor again", "class", r.Class)
	}
	if err := r.Options.Check(); err != nil {
		return err
	}
	j := jobs[r.Job]
	if j == nil {
		j = n.endedJob(r, m)
		jobs[r.Job] = j
	}
	args := make([]spec.Arg, len(s.Args))
	for i, k := range s.Args {
		args[i] = spec.ValueArg(k.value())
	}
	a, err := j.driver.describeActor(id, class, args, r.Options)
	if err != nil {
		return err
	}
	a.module, a.durable = m, true
	held, err := j.bringBack(ctx, s.Objects)
	if err != nil {
		return err
	}
	defer n.objects.release(held) // who needs them counts them
	if s.State != nil {
		if err := a.findCheckpoint(s); err != nil {
			return err
		}
	}
	return a.admit()
}

// findCheckpoint gives a new actor the checkpoint that was on disk.
func (a *actor) findCheckpoint(s sleeper) error {
	table, err := s.Handles.Table(func(id spec.ObjectID) (spec.Value, error) {
		v, _, err := a.node.objects.look(id)
		return v, err
	})
	if err != nil {
		return err
	}
	c := &checkpoint{state: s.State, handles: table, bytes: int64(len(s.State)) + table.Bytes()}
	if err := a.job.memory.Reserve(c.bytes); err != nil {
		return err
	}
	a.node.objects.retain(table.Links())
	a.checkpoint = c
	a.core.Step(owner.ActorEvent{Op: owner.Found}, nil)
	return nil
}

// endedJob stands for the job of actors that have outlived it.
func (n *Node) endedJob(r actorRecord, m *Module) *Job {
	memory := n.memory.Account()
	j := &Job{node: n, id: r.Job, module: m, namespace: r.Namespace, env: r.Env, memory: memory, gate: newGate(memory), over: true,
		cfg: JobConfig{WorkingDir: r.Files}}
	j.none.L = &j.mu
	j.scope = newScope(n.scope.ctx, n.workers)
	j.scope.close(errJobEnded)
	j.driver = newDriver(j)
	if r.Files != "" {
		root, err := os.OpenRoot(r.Files)
		if err != nil {
			n.log.Warn("the working directory of a detached actor is gone", zap.Error(err))
			return j
		}
		j.root, j.files = root, root.FS()
	}
	return j
}
