package autoscaler

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

func compareIDs(a, b ID) int { return strings.Compare(string(a), string(b)) }

// running returns how many workers run.
func (r *round) running() int {
	n := 0
	for _, inst := range r.instances {
		if inst.State == RayRunning {
			n++
		}
	}
	return n
}

// stays reports whether an instance is there to stay: a place that counts for min_workers and that demand may use.
func stays(inst *Instance) bool { return inst.State != Queued && !inst.State.leaving() }

// there reports whether an instance may be a machine: what counts for max_workers.
func there(inst *Instance) bool { return inst.State != Queued && inst.State != Terminated }

// count counts instances by type.
func (r *round) count(which func(*Instance) bool) (byType map[string]int, all int) {
	byType = make(map[string]int, len(r.types))
	for _, inst := range r.instances {
		if which(inst) {
			byType[inst.Type]++
			all++
		}
	}
	return byType, all
}

// trim makes those go that the configuration does not have a place for: outdated ones in waves of half of the workers, so
// that the others serve meanwhile, and what is over max_workers at once.
func (r *round) trim() {
	inWave := max(1, r.running()/2)
	for _, inst := range r.instances {
		if inst.State.leaving() && inst.Reason == ReasonOutdated {
			inWave--
		}
	}
	for _, inst := range r.leastWanted(func(inst *Instance) bool { return stays(inst) && r.outdated(inst) }) {
		if inst.State == RayRunning {
			if inWave--; inWave < 0 {
				continue
			}
		}
		r.dismiss(inst, ReasonOutdated)
	}
	byType, all := r.count(stays)
	for _, inst := range r.leastWanted(stays) {
		t := r.byName[inst.Type]
		if t != nil && byType[inst.Type] > t.MaxWorkers {
			byType[inst.Type]--
			all--
			r.dismiss(inst, ReasonMaxWorkers)
		}
	}
	for _, inst := range r.leastWanted(stays) {
		if all <= r.in.Config.MaxWorkers {
			break
		}
		if t := r.byName[inst.Type]; t != nil && byType[inst.Type] <= t.MinWorkers {
			continue
		}
		byType[inst.Type]--
		all--
		r.dismiss(inst, ReasonMaxWorkers)
	}
}

// outdated reports whether an instance is not what the configuration says.
func (r *round) outdated(inst *Instance) bool {
	t := r.byName[inst.Type]
	return t == nil || t.Digest != inst.digest
}

// leastWanted returns instances, those first whose end costs least: without a node, then idle longest, then busy with
// least.
func (r *round) leastWanted(which func(*Instance) bool) []*Instance {
	var some []*Instance
	for _, inst := range r.instances {
		if which(inst) {
			some = append(some, inst)
		}
	}
	slices.SortStableFunc(some, func(a, b *Instance) int {
		return cmp.Or(cmp.Compare(worth(a), worth(b)), cmp.Compare(idleFor(b), idleFor(a)), compareIDs(a.ID, b.ID))
	})
	return some
}

// worth is what is lost with an instance.
func worth(inst *Instance) int {
	switch n := inst.node; {
	case n == nil:
		return int(inst.State) - int(RayRunning) // below 0: the further it is, the more
	case n.idle():
		return 0
	default:
		return n.Tasks + n.Actors + n.Objects + n.Spilled
	}
}

func idleFor(inst *Instance) time.Duration {
	if inst.node == nil || !inst.node.idle() {
		return 0
	}
	return inst.node.IdleFor
}

// launch asks for the machines that are wished for, as many as may be under way; the others are queued, with why.
func (r *round) launch(wishes []*bin) {
	queued := make(map[string][]*Instance)
	under := 0
	for _, inst := range r.instances {
		if inst.State == Queued {
			queued[inst.Type] = append(queued[inst.Type], inst)
		}
		if inst.State.pending() {
			under++
		}
	}
	limit := max(minPending, int(min(r.in.Config.UpscalingSpeed*float64(r.running()), MaxWorkers)))
	for _, w := range wishes {
		t := &w.kind.NodeType
		var inst *Instance
		if q := queued[t.Name]; len(q) > 0 {
			inst, queued[t.Name] = q[0], q[1:]
		} else {
			inst = &Instance{ID: r.nextID(t.Name), Type: t.Name, State: Queued, Since: r.now}
			r.track(inst)
		}
		switch {
		case w.kind.backoff != "":
			inst.Detail = w.kind.backoff
		case under >= limit && !w.due:
			inst.Detail = "upscaling_speed: " + plural(under, "launch", "launches") + " under way"
		default:
			under++
			inst.Detail, inst.digest = "", t.Digest
			inst.move(r.now, Requested)
			r.do(Action{Verb: Launch, ID: inst.ID, Type: t.Name, Digest: t.Digest})
		}
	}
	for _, t := range queued {
		for _, inst := range t { // nobody wishes for it any more
			inst.move(r.now, Terminated)
		}
	}
}

// dismissIdle asks nodes to go that have had nothing to do for the idle timeout, that nobody waits for, and that
// min_workers does not keep. The head, and nodes that no provider launched, are no instances and stay.
func (r *round) dismissIdle() {
	needed := make(map[*Instance]bool, len(r.bins))
	for _, b := range r.bins {
		if b.instance != nil && b.used {
			needed[b.instance] = true
		}
	}
	byType, _ := r.count(stays)
	for _, inst := range r.leastWanted(func(inst *Instance) bool { return inst.State == RayRunning }) {
		n := inst.node
		if needed[inst] || !n.idle() || n.IdleFor < r.in.Config.IdleTimeout || r.now.Before(inst.keep) {
			continue
		}
		if t := r.byName[inst.Type]; t != nil && byType[inst.Type] <= t.MinWorkers {
			continue
		}
		byType[inst.Type]--
		r.dismiss(inst, ReasonIdle)
	}
}
