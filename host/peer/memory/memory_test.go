package memory_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/raywasm/raywasm/host/peer"
	"github.com/raywasm/raywasm/host/peer/memory"
	"github.com/raywasm/raywasm/spec"
)

// One node tells another that a job is to end.
func Example() {
	network := new(memory.Network)
	got := make(chan string)
	_, err := network.Join(spec.NodeID{2}, func(from spec.NodeID, frame []byte) {
		messages, err := peer.Decode(frame)
		got <- fmt.Sprint(from == spec.NodeID{1}, messages[0].JobEnd.ID, err)
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	port, err := network.Join(spec.NodeID{1}, func(spec.NodeID, []byte) {})
	if err != nil {
		fmt.Println(err)
		return
	}
	port.Send(spec.NodeID{2}, peer.Message{JobEnd: &peer.JobEnd{ID: spec.JobNumber(7)}})
	fmt.Println(<-got)
	// Output: true 07000000 <nil>
}

// receiver notes the numbers of what comes, by who sent it.
type receiver struct {
	mu   sync.Mutex
	got  map[spec.NodeID][]uint64
	news chan struct{}
}

func (r *receiver) receive(from spec.NodeID, frame []byte) {
	messages, err := peer.Decode(frame)
	if err != nil {
		panic(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range messages {
		r.got[from] = append(r.got[from], m.Began.Number)
	}
	select {
	case r.news <- struct{}{}:
	default:
	}
}

func join(t *testing.T, n *memory.Network, id byte) (peer.Port, *receiver) {
	t.Helper()
	r := &receiver{got: make(map[spec.NodeID][]uint64), news: make(chan struct{}, 1)}
	port, err := n.Join(spec.NodeID{id}, r.receive)
	if err != nil {
		t.Fatal(err)
	}
	return port, r
}

func TestEachWayKeepsItsOrder(t *testing.T) {
	const count = 20_000 // more than a frame holds
	network := new(memory.Network)
	_, to := join(t, network, 9)
	var senders sync.WaitGroup
	for id := byte(1); id <= 3; id++ {
		port, _ := join(t, network, id)
		senders.Go(func() {
			for i := range uint64(count) {
				port.Send(spec.NodeID{9}, peer.Message{Began: &peer.Began{Number: i}})
			}
		})
	}
	senders.Wait()
	for id := byte(1); id <= 3; {
		to.mu.Lock()
		got := to.got[spec.NodeID{id}]
		to.mu.Unlock()
		if len(got) < count {
			<-to.news
			continue
		}
		for i, n := range got {
			if n != uint64(i) {
				t.Fatalf("from node %d, message %d came as number %d", id, n, i)
			}
		}
		id++
	}
}

func TestNothingComesFromTheDead(t *testing.T) {
	network := new(memory.Network)
	dead, hears := join(t, network, 1)
	alive, to := join(t, network, 2)
	other, _ := join(t, network, 3)
	if _, err := network.Join(spec.NodeID{1}, nil); spec.KindOf(err) != spec.AlreadyExists {
		t.Errorf("a second node of that name: %v", err)
	}
	network.Kill(spec.NodeID{1})
	dead.Send(spec.NodeID{2}, peer.Message{Began: &peer.Began{Number: 1}})
	alive.Send(spec.NodeID{1}, peer.Message{Began: &peer.Began{Number: 2}})
	network.Part(spec.NodeID{3}, spec.NodeID{2})
	other.Send(spec.NodeID{2}, peer.Message{Began: &peer.Began{Number: 3}})
	last, _ := join(t, network, 4)
	last.Send(spec.NodeID{2}, peer.Message{Began: &peer.Began{Number: 4}})
	<-to.news
	dead.Leave()
	alive.Leave()
	if len(to.got) != 1 || len(to.got[spec.NodeID{4}]) != 1 || len(hears.got) != 0 {
		t.Errorf("the node that is alive has heard %v, the dead one %v", to.got, hears.got)
	}
}
