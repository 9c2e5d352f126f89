package owner

import "slices"

// calls are the calls of one actor that wait or run: which may begin, and in what order. Of an actor without groups one
// runs at a time, the oldest whose arguments are there and before which no call of its caller waits. Otherwise calls of a
// group begin in their order, as their arguments are there and the group's limit allows, and end in any.
type calls struct {
	groups  []group
	ordered bool // by caller
	waiting int
	running []call // in the order in which they began
}

// group is a part of an actor's calls with a limit of its own.
type group struct {
	limit   int32
	running int32
	queue   []call // waiting, oldest first
	ready   int    // how many of them are
}

type call struct {
	id      CallID
	caller  uint64
	group   int
	ready   bool
	retries int32 // left; -1 for ever
	paced   bool  // it pauses before it runs again
}

func newCalls(limits []int32) calls {
	if limits == nil {
		return calls{ordered: true, groups: []group{{limit: 1}}}
	}
	c := calls{groups: make([]group, len(limits))}
	for i, limit := range limits {
		c.groups[i].limit = limit
	}
	return c
}

// none reports whether no call waits or runs.
func (c *calls) none() bool { return c.waiting == 0 && len(c.running) == 0 }

// add puts a call at the end of its queue.
func (c *calls) add(x call) {
	g := &c.groups[x.group]
	g.queue = append(g.queue, x)
	c.waiting++
}

// again puts a call that ran back, before those that wait and began later. One that pauses is not ready, and holds up
// those of its caller.
func (c *calls) again(x call) {
	g := &c.groups[x.group]
	at := 0
	for at < len(g.queue) && g.queue[at].id < x.id {
		at++
	}
	x.ready = !x.paced
	g.queue = slices.Insert(g.queue, at, x)
	if x.ready {
		g.ready++
	}
	c.waiting++
}

// find returns the queue and the place of a waiting call, nil if it does not wait. The newest is the likeliest.
func (c *calls) find(id CallID) (*group, int) {
	for k := range c.groups {
		g := &c.groups[k]
		for i := len(g.queue) - 1; i >= 0; i-- {
			if g.queue[i].id == id {
				return g, i
			}
		}
	}
	return nil, 0
}

// take removes a call from a queue. The head, which is the usual one, costs nothing.
func (c *calls) take(g *group, i int) call {
	x := g.queue[i]
	if i == 0 {
		g.queue = g.queue[1:]
	} else {
		g.queue = slices.Delete(g.queue, i, i+1)
	}
	if x.ready {
		g.ready--
	}
	c.waiting--
	return x
}

// ready notes that a waiting call's arguments are there; false if it does not wait for them.
func (c *calls) ready(id CallID) bool {
	g, i := c.find(id)
	if g == nil || g.queue[i].ready {
		return false
	}
	g.queue[i].ready = true
	g.ready++
	return true
}

// withdraw forgets a waiting call; false if it does not wait.
func (c *calls) withdraw(id CallID) bool {
	g, i := c.find(id)
	if g != nil {
		c.take(g, i)
	}
	return g != nil
}

// run begins what may begin.
func (c *calls) run(out []ActorAction) []ActorAction {
	for k := range c.groups {
		g := &c.groups[k]
		var held []uint64 // callers whose earlier call is not ready
		for i := 0; g.ready > 0 && g.running < g.limit && i < len(g.queue); {
			x := &g.queue[i]
			switch {
			case c.ordered && slices.Contains(held, x.caller):
				i++
			case !x.ready:
				if c.ordered {
					held = append(held, x.caller)
				}
				i++
			default:
				began := c.take(g, i)
				g.running++
				c.running = append(c.running, began)
				out = append(out, ActorAction{Do: Run, Call: began.id})
			}
		}
	}
	return out
}

// runs reports whether a call runs.
func (c *calls) runs(id CallID) bool {
	return slices.ContainsFunc(c.running, func(x call) bool { return x.id == id })
}

// once makes a running call one that does not run again; false if it does not run.
func (c *calls) once(id CallID) bool {
	i := slices.IndexFunc(c.running, func(x call) bool { return x.id == id })
	if i >= 0 {
		c.running[i].retries = 0
	}
	return i >= 0
}

// end takes a call out of those that run; false if it does not.
func (c *calls) end(id CallID) (x call, ran bool) {
	i := slices.IndexFunc(c.running, func(x call) bool { return x.id == id })
	if i < 0 {
		return x, false
	}
	x = c.running[i]
	c.running = slices.Delete(c.running, i, i+1)
	c.groups[x.group].running--
	return x, true
}

// stop takes out all calls that run.
func (c *calls) stop() []call {
	ran := c.running
	c.running = nil
	for _, x := range ran {
		c.groups[x.group].running--
	}
	return ran
}

// clear takes out all calls that wait.
func (c *calls) clear() (all []call) {
	for k := range c.groups {
		all = append(all, c.groups[k].queue...)
		c.groups[k].queue, c.groups[k].ready = nil, 0
	}
	c.waiting = 0
	return all
}
