package host

import (
	"slices"
	"weak"

	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/spec"
)

// What is lost is made again. The core, owner.Lineage, says which tasks have to run for an object; the table keeps their
// records, of those alone that made something that can be lost: objects whose bytes are in the store. What is small lies
// in the table itself, and the records have copies of small arguments.

// keep remembers how a task that has just ended has made values, those of its large objects, before anybody can have them:
// so there is no instant in which one that is lost cannot be made again. What the task was given is counted still.
func (o *objects) keep(t *task, values []spec.Value, where []far) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lineage == nil || t.actor != nil && t.retry.MaxRetries == 0 {
		return
	}
	live := 0
	if t.stream != nil {
		for i := range t.stream.results() {
			if entry := o.refs.Object(t.stream.item(i)); entry != nil && entry.stored > 0 {
				entry.kept = true
				live++
			}
		}
		values = nil
	}
	for i, id := range t.returns[:len(values)] {
		if entry := o.refs.Object(id); entry != nil && (entry.stored > 0 || !entry.ready && (isLarge(values[i]) || where != nil && where[i].size > 0)) {
			entry.kept = true
			live++
		}
	}
	if live == 0 {
		return
	}
	bytes := t.bytes
	args := slices.Clone(t.args)
	for i := range args {
		if entry := o.refs.Object(args[i].Ref); args[i].IsRef && entry != nil && entry.ready && entry.stored == 0 && entry.err == nil {
			args[i] = spec.ValueArg(entry.value)
			bytes += valueBytes(entry.value)
		}
	}
	record := t.again(args)
	making := owner.Making{Task: t.id, Live: live, Left: t.retry.MaxRetries, Max: t.retry.MaxRetries, Bytes: bytes}
	if making.Left > 0 {
		making.Left = max(0, making.Left-t.attempt)
	}
	for _, l := range record.links {
		if !l.IsActor {
			making.Args = append(making.Args, l.Object)
		}
	}
	o.makers[t.id] = record
	o.forgetMakers(o.lineage.Keep(making, nil))
}

// unkeep: nobody will want an object made again. The caller holds mu.
func (o *objects) unkeep(id spec.ObjectID, entry *object) {
	if entry.kept {
		entry.kept = false
		o.forgetMakers(o.lineage.Freed(id.Task(), nil))
	}
}

func (o *objects) forgetMakers(tasks []spec.TaskID) {
	for _, id := range tasks {
		delete(o.makers, id)
	}
}

// again returns a task that makes the same objects as t, in an attempt of its own. It has no deadline: that was for the
// first time.
func (t *task) again(args []spec.Arg) *task {
	again := &task{
		terms: t.terms, job: t.job, scope: t.scope, module: t.module, id: t.id, parent: t.parent, by: t.by, args: args, links: linksOf(args),
		actor: t.actor, bytes: t.bytes, attempt: t.attempt,
	}
	again.nameResults()
	if t.stream != nil {
		again.stream = &stream{task: again, again: t.stream.results()}
	}
	return again
}

// lose says that the bytes of objects are gone; where tells people how. What refers to them waits until they are made
// again, or finds an error that says why they are not. made says which time they were stored; if it is another by now, they
// are not lost. 0: whichever. notAgain: they were lost before, and the run that was to make them again has not.
func (o *objects) lose(ids []spec.ObjectID, made int, where string) {
	var run []*task
	failed := make(map[spec.ObjectID]*spec.Error)
	o.mu.Lock()
	for _, id := range ids {
		entry := o.refs.Object(id)
		switch {
		case entry == nil:
		case entry.ready && entry.stored > 0 && (made == 0 || entry.made == made):
			if o.ask(id, entry) { // another node's: it says what becomes of it
				continue
			}
			if r := entry.remote; r != nil && r.orphan != nil {
				failed[id] = r.orphan
			}
			o.empty(id, entry)
			entry.lost = true
		case !entry.ready && made == notAgain:
			entry.lost = true
		}
	}
	for _, id := range ids {
		if entry := o.refs.Object(id); entry == nil || !entry.lost || failed[id] != nil {
			continue // another one's task makes it, too, or nobody can
		}
		tasks, err := o.plan(id, where)
		if err != nil {
			failed[id] = err
		}
		run = append(run, tasks...)
	}
	for id := range failed {
		o.refs.Object(id).lost = false
	}
	o.settle()
	for _, id := range ids {
		if err := failed[id]; err != nil {
			o.complete(id, spec.Value{}, err)
		}
	}
	for _, t := range run {
		t.restart()
	}
}

const notAgain = -1

// ranAgain: the task that makes lost objects again has ended, and gives what it has made. What is lost from now on, another
// run has to make.
func (o *objects) ranAgain(id spec.TaskID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.rerunning, id)
}

// plan makes places for what a lost object needs and returns the tasks that have to run. The caller holds mu.
func (o *objects) plan(lost spec.ObjectID, where string) (run []*task, err *spec.Error) {
	label := "object " + lost.String()
	if o.lineage == nil {
		return nil, spec.Errorf("get", spec.ObjectLost, label, "task %s made it, %s, and making objects again is switched off", lost.Task(), where)
	}
	if o.rerunning[lost.Task()] { // it makes this one, too
		o.refs.Object(lost).lost = false
		return nil, nil
	}
	tasks, missing, err := o.lineage.Rebuild(lost, func(id spec.ObjectID) bool {
		entry := o.refs.Object(id)
		return entry != nil && !entry.lost
	})
	if err != nil {
		return nil, &spec.Error{Op: "get", Kind: err.Kind, ID: label + ", " + where, Err: err}
	}
	for _, id := range missing {
		entry := o.refs.Object(id)
		if entry == nil { // freed: who needs it counts it
			maker := o.makers[id.Task()]
			memory := maker.job.memory
			if full := memory.Reserve(objectBytes); full != nil {
				return nil, &spec.Error{Op: "make again", Kind: spec.KindOf(full), ID: label, Err: full}
			}
			entry = o.refs.Create(id, 0)
			*entry = object{memory: memory, bytes: objectBytes, site: maker.site()}
		}
		entry.lost = false
	}
	for _, id := range tasks {
		record := o.makers[id]
		record.attempt++
		again := record.again(record.args)
		again.reruns, o.rerunning[id] = true, true
		run = append(run, again)
	}
	return run, nil
}

// restart begins a task whose objects are waited for already.
func (t *task) restart() {
	err := t.job.memory.Reserve(t.bytes)
	if err == nil {
		t.job.node.objects.beginAgain(t)
		err = t.start()
	}
	if err == nil {
		t.job.stats.rebuilt.Add(1)
		return
	}
	t.job.node.objects.ranAgain(t.id)
	if t.stream != nil {
		t.stream.endAgain(&spec.Error{Op: "make again", Kind: spec.KindOf(err), ID: t.label(), Err: err})
	}
	for _, id := range t.returns {
		t.job.node.objects.complete(id, spec.Value{}, &spec.Error{Op: "make again", Kind: spec.ReconstructionFailed, ID: "object " + id.String(), Err: err})
	}
}

// empty takes an object's value away; the entry is pending again. The caller holds mu and settles.
func (o *objects) empty(id spec.ObjectID, entry *object) {
	if entry.stored > 0 {
		o.dropStored(id, entry, entry.stored)
	}
	entry.memory.Release(entry.bytes - objectBytes)
	entry.copy = weak.Pointer[byte]{}
	entry.ready, entry.stored, entry.value, entry.err, entry.bytes = false, 0, spec.Value{}, nil, objectBytes
	o.forgetFreed(o.refs.Empty(id, nil))
}

// free takes the values of objects that are there away from all who refer to them: they find an error from now on. It is
// Ray's free, for those who know better than the counts.
func (o *objects) free(ids []spec.ObjectID, by spec.TaskID) {
	var freed []spec.ObjectID
	o.mu.Lock()
	for _, id := range ids {
		if entry := o.refs.Object(id); entry != nil && entry.ready && entry.err == nil {
			o.unkeep(id, entry)
			o.empty(id, entry)
			freed = append(freed, id)
		}
	}
	o.settle()
	for _, id := range freed {
		o.complete(id, spec.Value{}, spec.Errorf("get", spec.ObjectFreed, "object "+id.String(), "task %s freed it while there were references to it", by))
	}
}
