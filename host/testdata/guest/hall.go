package main

import (
	"bytes"
	"errors"
	"os"
	"sync"
	"time"

	ray "github.com/raywasm/raywasm/guest-sdk/go"
)

var (
	halls      = ray.Actor0(NewHall, ray.MaxConcurrency(2000), ray.ConcurrencyGroup("narrow", 1))
	enter      = ray.Method0((*Hall).Enter)
	let        = ray.Method1((*Hall).Let)
	inside     = ray.Method0((*Hall).Inside)
	meet       = ray.Method1((*Hall).Meet)
	nap        = ray.Method1((*Hall).Nap)
	rest       = ray.Method1((*Hall).Rest)
	linger     = ray.Method0((*Hall).Linger)
	lingered   = ray.Method0((*Hall).Lingered)
	parents    = ray.Method1((*Hall).Children)
	collapse   = ray.Method0((*Hall).Collapse)
	squeeze    = ray.Method1((*Hall).Squeeze, ray.InGroup("narrow"))
	watch      = ray.Method1((*Hall).Watch)
	goOut      = ray.Method0((*Hall).Leave)
	crowdTask  = ray.Remote2(crowd)
	lingerTask = ray.Remote1(stopLingering)
)

// Hall is an actor with concurrent calls.
type Hall struct {
	gate          chan int
	in, lingering int
	narrow, most  int
}

// NewHall makes an empty one.
func NewHall() (*Hall, error) { return &Hall{gate: make(chan int)}, nil }

// Enter waits, on a channel, until it is let in.
func (h *Hall) Enter() (int, error) {
	h.in++
	defer func() { h.in-- }()
	return <-h.gate, nil
}

// Let lets n in.
func (h *Hall) Let(n int) (int, error) {
	for i := range n {
		h.gate <- i
	}
	return n, nil
}

// Inside returns how many wait.
func (h *Hall) Inside() (int, error) { return h.in, nil }

// Meet waits for a ref.
func (h *Hall) Meet(refs []ray.Ref[int]) (int, error) {
	h.in++
	defer func() { h.in-- }()
	return refs[0].Get()
}

// Nap sleeps by Go's timer, Rest by the host's.
func (h *Hall) Nap(ms int) (int, error) {
	time.Sleep(time.Duration(ms) * time.Millisecond)
	return ms, nil
}

func (h *Hall) Rest(ms int) (int, error) {
	return ms, ray.Sleep(time.Duration(ms) * time.Millisecond)
}

// Linger stays until nobody wants it any more.
func (h *Hall) Linger() (int, error) {
	h.lingering++
	defer func() { h.lingering-- }()
	<-ray.Context().Done()
	return 0, ray.Context().Err()
}

func (h *Hall) Lingered() (int, error) { return h.lingering, nil }

// Children waits for two tasks, in goroutines of its own.
func (h *Hall) Children(n int) (int, error) {
	var wg sync.WaitGroup
	sums := [2]int{}
	for i := range sums {
		wg.Go(func() { sums[i], _ = addRemote.Remote(n, i).Get() })
	}
	wg.Wait()
	return sums[0] + sums[1], nil
}

// Watch looks at an object of one byte again and again, leaves a mark of its own there, waits until it is let in, and looks
// again. It returns the byte, and -1 if it sees anything else.
func (h *Hall) Watch(v ray.View[[]byte]) (int, error) {
	data := v.Data()
	first, last := data[0], len(data)-1
	if bytes.Count(data, data[:1]) != len(data) {
		return -1, nil
	}
	data[last] = ^first
	if _, err := h.Enter(); err != nil {
		return 0, err
	}
	if bytes.Count(data, data[:1]) != last || data[0] != first || data[last] != ^first {
		return -1, nil
	}
	return int(first), nil
}

// Collapse ends the sandbox.
func (h *Hall) Collapse() (int, error) {
	os.Exit(2)
	return 0, nil
}

// Squeeze returns how many of its kind were there at once.
func (h *Hall) Squeeze(ms int) (int, error) {
	h.narrow++
	h.most = max(h.most, h.narrow)
	err := ray.Sleep(time.Duration(ms) * time.Millisecond)
	h.narrow--
	return h.most, err
}

// Leave ends the actor.
func (h *Hall) Leave() (int, error) {
	ray.ExitActor()
	return 0, nil
}

// crowd lets n calls of one hall wait for a call of another, and returns the sum of what they got.
func crowd(h ray.Handle[*Hall], n int) (int, error) {
	other := halls.Remote()
	gate := enter.Remote(other)
	refs := make([]ray.Ref[int], n)
	for i := range refs {
		refs[i] = meet.Remote(h, []ray.Ref[int]{gate})
	}
	for in := 0; in < n; { // until all are inside
		var err error
		if in, err = inside.Remote(h).Get(); err != nil {
			return 0, err
		}
	}
	if _, err := let.Remote(other, 1).Get(); err != nil {
		return 0, err
	}
	got, err := ray.GetAll(refs)
	return len(got), err
}

// stopLingering cancels a call that waits for that.
func stopLingering(h ray.Handle[*Hall]) (bool, error) {
	ref := linger.Remote(h)
	for n := 0; n == 0; {
		var err error
		if n, err = lingered.Remote(h).Get(); err != nil {
			return false, err
		}
	}
	if err := ray.Cancel(ref); err != nil {
		return false, err
	}
	_, err := ref.Get()
	for n := 1; n != 0; {
		var err error
		if n, err = lingered.Remote(h).Get(); err != nil {
			return false, err
		}
	}
	return errors.Is(err, ray.TaskCancelled), nil
}
