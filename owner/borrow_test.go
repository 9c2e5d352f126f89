package owner_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/spec"
)

// peer is a node as far as counting goes.
type peer struct {
	id      spec.NodeID
	refs    *owner.Refs[struct{}]
	borrows *owner.Borrows
	out     map[int]*owner.Sender[owner.BorrowEvent]
	in      map[int]*owner.Receiver[owner.BorrowEvent]
	dead    bool
	lost    map[spec.Link]spec.Kind
	own     map[spec.Link]int // references of this node's program
}

// packet is a message under way; ack is one if m is nil.
type packet struct {
	from, to int
	number   uint64
	m        *owner.BorrowEvent
}

// cloud is some peers and the network between them.
type cloud struct {
	peers  []*peer
	home   map[spec.Link]int // owners
	net    []packet
	freed  func(at int, l spec.Link)
	traced func(from, to int, m owner.BorrowEvent)
}

func newCloud(n int) *cloud {
	c := &cloud{home: make(map[spec.Link]int)}
	for i := range n {
		p := &peer{id: spec.NodeID{byte(i + 1)}, refs: newRefs(), out: map[int]*owner.Sender[owner.BorrowEvent]{},
			in: map[int]*owner.Receiver[owner.BorrowEvent]{}, lost: map[spec.Link]spec.Kind{}, own: map[spec.Link]int{}}
		p.borrows = owner.NewBorrows(p.id)
		for k := range n {
			p.out[k], p.in[k] = &owner.Sender[owner.BorrowEvent]{}, &owner.Receiver[owner.BorrowEvent]{}
		}
		c.peers = append(c.peers, p)
	}
	return c
}

func (c *cloud) index(id spec.NodeID) int { return int(id[0]) - 1 }

// step is what the shell does with an event.
func (c *cloud) step(at int, ev owner.BorrowEvent) {
	p := c.peers[at]
	if p.dead {
		return
	}
	for _, act := range p.borrows.Step(ev, func(l spec.Link) bool { return p.refs.Count(l) > 0 }, nil) {
		switch act.Do {
		case owner.Tell:
			to := c.index(act.Node)
			m := owner.BorrowEvent{Op: act.Op, Node: p.id, Link: act.Link, Owner: act.Owner}
			c.net = append(c.net, packet{at, to, p.out[to].Send(m), &m})
			if c.traced != nil {
				c.traced(at, to, m)
			}
		case owner.Retain:
			if !p.refs.Retain(act.Link) {
				create(p.refs, act.Link, 1)
			}
			if ev.Op == owner.Carry {
				p.own[act.Link]++
			}
		case owner.Release:
			c.release(at, act.Link)
		case owner.Lose:
			p.lost[act.Link] = act.Err.Kind
		}
	}
}

// release takes a reference away at a peer.
func (c *cloud) release(at int, l spec.Link) {
	p := c.peers[at]
	for _, gone := range linksOf(p.refs.Release(l, nil)) {
		if c.home[gone] == at {
			if c.freed != nil {
				c.freed(at, gone)
			}
			continue
		}
		delete(p.lost, gone)
		c.step(at, owner.BorrowEvent{Op: owner.Unused, Link: gone})
	}
}

// make makes an object at a peer, with one reference of its program; drop drops one.
func (c *cloud) make(at int, l spec.Link) {
	c.home[l] = at
	create(c.peers[at].refs, l, 1)
	c.peers[at].own[l]++
}

func (c *cloud) drop(at int, l spec.Link) {
	c.peers[at].own[l]--
	c.release(at, l)
}

func (c *cloud) pass(from, to int, l spec.Link) {
	c.step(from, owner.BorrowEvent{Op: owner.Pass, Node: c.peers[to].id, Link: l, Owner: c.peers[c.home[l]].id})
}

// arrive delivers a packet.
func (c *cloud) arrive(p packet) {
	to := c.peers[p.to]
	if to.dead {
		return
	}
	if p.m == nil {
		to.out[p.from].Arrived(p.number)
		return
	}
	for _, m := range to.in[p.from].Receive(p.number, *p.m, nil) {
		c.step(p.to, m)
	}
	c.net = append(c.net, packet{from: p.to, to: p.from, number: to.in[p.from].Next()})
}

// again sends everything again that may not have arrived.
func (c *cloud) again() {
	for from, p := range c.peers {
		for to := range c.peers {
			first, waiting := p.out[to].Waiting()
			for i := range waiting {
				if !p.dead && !c.peers[to].dead {
					c.net = append(c.net, packet{from, to, first + uint64(i), &waiting[i]})
				}
			}
		}
	}
}

// settle delivers until nothing is under way.
func (c *cloud) settle() {
	for len(c.net) > 0 {
		p := c.net[0]
		c.net = c.net[1:]
		c.arrive(p)
		if len(c.net) == 0 {
			c.again()
		}
	}
}

func (c *cloud) kill(node int) {
	c.peers[node].dead = true
	for at := range c.peers {
		c.step(at, owner.BorrowEvent{Op: owner.Death, Node: c.peers[node].id})
	}
}

// TestBorrowStories plays the stories of testdata with the nodes A, B, C and the objects 1 to 9.
//
//	make NODE OBJECT, drop NODE OBJECT       the program there makes an object, drops one of its references
//	contains OBJECT OBJECT                   the first, at its owner, contains the second from now on
//	pass NODE NODE OBJECT                    the first sends a ref to the second
//	deliver                                  everything arrives
//	dies NODE
func TestBorrowStories(t *testing.T) {
	datadriven.Walk(t, "testdata/borrow", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			c := newCloud(3)
			var trace strings.Builder
			name := func(at int) string { return string(rune('A' + at)) }
			number := func(l spec.Link) uint32 { return l.Object.Index() }
			words := map[owner.BorrowOp]string{owner.Carry: "carry", owner.Hold: "hold", owner.Held: "held", owner.Gone: "gone", owner.Unhold: "unhold", owner.Received: "received"}
			c.freed = func(at int, l spec.Link) { fmt.Fprintf(&trace, "  %s frees %d\n", name(at), number(l)) }
			c.traced = func(from, to int, m owner.BorrowEvent) {
				fmt.Fprintf(&trace, "  %s to %s: %s %d\n", name(from), name(to), words[m.Op], number(m.Link))
			}
			var a, b string
			var n, inner uint32
			for line := range strings.Lines(d.Input) {
				line = strings.TrimSpace(line)
				trace.WriteString(line + "\n")
				at := func(s string) int { return int(s[0] - 'A') }
				switch word, rest, _ := strings.Cut(line, " "); word {
				case "make":
					_, _ = fmt.Sscan(rest, &a, &n)
					c.make(at(a), object(n))
				case "drop":
					_, _ = fmt.Sscan(rest, &a, &n)
					c.drop(at(a), object(n))
				case "contains":
					_, _ = fmt.Sscan(rest, &n, &inner)
					c.peers[c.home[object(n)]].refs.Contain(object(n).Object, []spec.Link{object(inner)})
				case "pass":
					_, _ = fmt.Sscan(rest, &a, &b, &n)
					c.pass(at(a), at(b), object(n))
				case "deliver":
					c.settle()
				case "dies":
					_, _ = fmt.Sscan(rest, &a)
					c.kill(at(a))
				default:
					d.Fatalf(t, "the story says %q", line)
				}
				for i, p := range c.peers {
					for l, kind := range p.lost {
						fmt.Fprintf(&trace, "  %s has lost %d: %v\n", name(i), number(l), kind)
						p.lost[l] = 0
					}
					for l, kind := range p.lost {
						if kind == 0 {
							delete(p.lost, l)
						}
					}
				}
			}
			for i, p := range c.peers {
				if !p.dead {
					fmt.Fprintf(&trace, "%s: %d counted, %d shared\n", name(i), counted(p.refs), p.borrows.Len())
				}
			}
			return trace.String()
		})
	})
}

// TestNothingIsFreedWhileItIsReachable runs random programs on a network that loses, doubles and reorders, with deaths of
// nodes in every other seed: no owner frees what a living node refers to and the owner was told of, and when all programs
// have dropped their references nothing is left.
func TestNothingIsFreedWhileItIsReachable(t *testing.T) {
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 4))
		const nodes = 4
		c := newCloud(nodes)
		deaths := seed%2 == 1
		next := uint32(0)
		c.freed = func(at int, l spec.Link) {
			if c.peers[at].dead {
				return
			}
			for i, p := range c.peers {
				if i != at && !p.dead && p.own[l] > 0 && p.lost[l] == 0 && (p.borrows.Knows(l) || !deaths) {
					t.Fatalf("seed %d: node %d frees %v, node %d has %d references", seed, at, l.Object.Index(), i, p.own[l])
				}
			}
		}
		held := func(at int) []spec.Link {
			var have []spec.Link
			for i := range next {
				if c.peers[at].own[object(i+1)] > 0 {
					have = append(have, object(i+1))
				}
			}
			return have
		}
		for range 400 {
			at := r.IntN(nodes)
			if c.peers[at].dead {
				continue
			}
			have := held(at)
			switch k := r.IntN(20); {
			case k < 3:
				next++
				c.make(at, object(next))
				if len(have) > 0 && r.IntN(2) == 0 { // it contains another, which is counted for it
					c.peers[at].refs.Contain(object(next).Object, have[r.IntN(len(have)):][:1])
				}
			case k < 6 && len(have) > 0:
				c.drop(at, have[r.IntN(len(have))])
			case k < 10 && len(have) > 0:
				if to := r.IntN(nodes); to != at {
					c.pass(at, to, have[r.IntN(len(have))])
				}
			case k < 11 && deaths && r.IntN(8) == 0:
				c.kill(at)
			case k < 12:
				c.again()
			case len(c.net) > 0:
				i := r.IntN(len(c.net))
				p := c.net[i]
				switch r.IntN(6) {
				case 0: // lost
					c.net = append(c.net[:i], c.net[i+1:]...)
				case 1: // comes twice
					c.arrive(p)
				default:
					c.net = append(c.net[:i], c.net[i+1:]...)
					c.arrive(p)
				}
			}
			if len(c.net) > 500 {
				c.net = c.net[:500]
			}
		}
		c.again()
		c.settle()
		for at, p := range c.peers {
			for _, l := range held(at) {
				for n := p.own[l]; n > 0 && !p.dead; n-- {
					c.drop(at, l)
				}
			}
		}
		c.settle()
		for at, p := range c.peers {
			if !p.dead && (counted(p.refs) != 0 || p.borrows.Len() != 0) {
				t.Fatalf("seed %d: node %d counts %d and shares %d still", seed, at, counted(p.refs), p.borrows.Len())
			}
		}
	}
}
