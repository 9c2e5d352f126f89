package sched

import "github.com/raywasm/raywasm/sched/resource"

// lane is everything that waits for the same kinds of resources under the same quota. If what goes first in a lane does
// not fit, nothing behind it may go either, for it would take from what the first one lacks. Thus a round looks at the top
// of each lane and at nothing else, however much waits.
//
//	lane ─► level (priority) ─► line (job) ─► class ─► lease
//	        highest first       fair share    deadline, then age
type lane struct {
	kinds  resource.Kinds
	quota  *quota
	levels heap[*level]
	level  map[int32]*level // by priority
}

// level is what waits in a lane with one priority.
type level struct {
	priority int32
	lines    heap[*line]
	line     map[*account]*line
	lane     *lane
	at       int
}

// line is what waits in a level for one job.
type line struct {
	job     *account
	served  served // of the job, when it was looked at last; by now it may have been served more, never less
	classes heap[*class]
	level   *level
	at      int
}

// maxLanes bounds what a round looks at for one quota. Whatever kinds a program combines beyond that share a lane.
const maxLanes = 32

// lane returns the lane for a class.
func (n *Node) lane(c *class) *lane {
	count := 0
	var last *lane
	for _, l := range n.lanes {
		if l.quota == c.quota {
			if l.kinds == c.kinds {
				return l
			}
			count++
			if last == nil || len(last.levels.items) > 0 {
				last = l // an empty one if there is one
			}
		}
	}
	if count >= maxLanes {
		if len(last.levels.items) == 0 {
			last.kinds = 0
		}
		last.kinds |= c.kinds
		return last
	}
	l := &lane{kinds: c.kinds, quota: c.quota, level: make(map[int32]*level)}
	l.levels = heap[*level]{before: func(a, b *level) bool { return a.priority > b.priority }, place: func(v *level) *int { return &v.at }}
	n.lanes = append(n.lanes, l)
	return l
}

// join puts the class, whose queue was empty, into its line.
func (n *Node) join(c *class) {
	l := n.lane(c)
	v := l.level[c.ask.Priority]
	if v == nil {
		v = n.newLevel()
		v.priority, v.lane = c.ask.Priority, l
		l.level[v.priority] = v
		l.levels.push(v)
	}
	x := v.line[c.job]
	if x == nil {
		x = n.newLine()
		x.job, x.served, x.level = c.job, c.job.served, v
		v.line[x.job] = x
		v.lines.push(x)
	}
	c.line = x
	x.classes.push(c)
}

// leave takes the class, whose queue became empty, out of its line, and what is empty then with it.
func (n *Node) leave(c *class) {
	x := c.line
	c.line = nil
	x.classes.remove(c.at)
	if len(x.classes.items) > 0 {
		return
	}
	v := x.level
	v.lines.remove(x.at)
	delete(v.line, x.job)
	x.job, x.level = nil, nil
	n.spareLines = keep(n.spareLines, x)
	if len(v.lines.items) > 0 {
		return
	}
	v.lane.levels.remove(v.at)
	delete(v.lane.level, v.priority)
	v.lane = nil
	n.spareLevels = keep(n.spareLevels, v)
}

// Queues come and go all the time, so what they are made of is used again.

func (n *Node) newLevel() *level {
	if v := reuse(&n.spareLevels); v != nil {
		return v
	}
	return &level{line: make(map[*account]*line), lines: heap[*line]{
		before: func(a, b *line) bool { return a.served.less(b.served) }, place: func(x *line) *int { return &x.at }}}
}

func (n *Node) newLine() *line {
	if x := reuse(&n.spareLines); x != nil {
		return x
	}
	return &line{classes: heap[*class]{
		before: func(a, b *class) bool { return earlier(a.head(), b.head()) }, place: func(c *class) *int { return &c.at }}}
}

// maxSpare bounds what is kept for use again.
const maxSpare = 4096

func keep[T any](spare []*T, x *T) []*T {
	if len(spare) < maxSpare {
		spare = append(spare, x)
	}
	return spare
}

func reuse[T any](spare *[]*T) *T {
	last := len(*spare) - 1
	if last < 0 {
		return nil
	}
	x := (*spare)[last]
	(*spare)[last] = nil
	*spare = (*spare)[:last]
	return x
}

// top returns the lease that goes first in the lane, nil if nothing waits in it.
func (n *Node) top(l *lane) *lease {
	if len(l.levels.items) == 0 {
		return nil
	}
	lines := &l.levels.top().lines
	for {
		x := lines.top()
		n.accrue(x.job)
		if !x.served.less(x.job.served) { // it is where it belongs, and all others are behind
			return x.classes.top().head()
		}
		x.served = x.job.served
		lines.fix(0)
	}
}

// earlier orders the leases of one job and one priority: by deadline, those without one last, then by age.
func earlier(a, b *lease) bool {
	if a.deadline != b.deadline {
		return a.deadline != 0 && (b.deadline == 0 || a.deadline < b.deadline)
	}
	return a.order < b.order
}

// before orders leases of different lanes: by priority, by the share that their jobs have had, then as in one job.
func before(a, b *lease) bool {
	x, y := a.class, b.class
	switch {
	case x.ask.Priority != y.ask.Priority:
		return x.ask.Priority > y.ask.Priority
	case x.job != y.job:
		return x.job.served.less(y.job.served)
	}
	return earlier(a, b)
}
