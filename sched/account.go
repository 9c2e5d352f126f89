package sched

import (
	"maps"

	"github.com/raywasm/raywasm/spec"
)

// account is what a job has had of the node: start-time fair queueing, with the dominant share of what it holds, by time
// and divided by its weight, as the service received. The job that has had least goes next.
type account struct {
	job    spec.JobID
	weight float64
	served served
	share  int64 // what it holds now, in millionths of the node
	asOf   int64 // the time up to which served counts
	leases int   // granted or waiting
}

// served is what a job has had. It never becomes less. The zero value is nothing.
type served struct {
	time float64 // nanoseconds of the whole node, divided by the weight
	turn uint64  // of its last grant, or its coming: among equals the one for which that is longest ago goes first
}

func (s served) less(t served) bool {
	if s.time != t.time {
		return s.time < t.time
	}
	return s.turn < t.turn
}

// maxSettled is how many accounts may be kept of jobs that have nothing here, because they have had more than others.
const maxSettled = 1024

// account returns the account of a job that has come to ask for something.
func (n *Node) account(job spec.JobID) *account {
	a := n.accounts[job]
	if a == nil {
		a = &account{job: job, weight: 1}
		if w, ok := n.weights[job]; ok {
			a.weight = w
		}
		n.accounts[job] = a
	}
	if a.leases == 0 { // it has been away: nobody owes it anything for that
		if n.last != nil {
			n.accrue(n.last)
			n.floor = max(n.floor, n.last.served.time)
		}
		n.turn++
		a.asOf, a.served = n.now, served{max(a.served.time, n.floor), n.turn}
	}
	return a
}

// accrue brings what the job has had up to date.
func (n *Node) accrue(a *account) {
	if now := n.now; now > a.asOf {
		a.served.time += float64(a.share) * 1e-6 * float64(now-a.asOf) / a.weight
		a.asOf = now
	}
	a.served.time = max(a.served.time, n.floor-credit)
}

// charge makes the job hold so much more.
func (n *Node) charge(a *account, share int64) {
	n.accrue(a)
	n.turn++
	n.floor = max(n.floor, a.served.time)
	n.last = a
	a.served.time += float64(share) * 1e-6 * fee / a.weight
	a.served.turn = n.turn
	a.share += share
}

// settle makes it hold share more, or less, without a grant.
func (n *Node) settle(a *account, share int64) {
	n.accrue(a)
	a.share += share
}

// settled forgets, now and then, the accounts of jobs that have nothing here and are owed what any other would be.
func (n *Node) settled(a *account) {
	if a.leases > 0 || len(n.accounts) <= n.maxAccounts {
		return
	}
	maps.DeleteFunc(n.accounts, func(_ spec.JobID, a *account) bool {
		return a.leases == 0 && a != n.last && a.served.time <= n.floor
	})
	n.maxAccounts = max(maxSettled, 2*len(n.accounts))
}

// weigh sets the weight of a job from now on.
func (n *Node) weigh(job spec.JobID, weight float64) {
	if !(weight > 0) {
		weight = 1
	}
	n.weights[job] = weight
	if weight == 1 {
		delete(n.weights, job)
	}
	if a := n.accounts[job]; a != nil {
		n.accrue(a)
		a.weight = weight
	}
}
