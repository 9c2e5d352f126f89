package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/raywasm/raywasm/control"
	"github.com/raywasm/raywasm/spec"
)

// The table of jobs says what became of each job: it is written when a job begins and when it ends, and kept in the
// node's control store. A job that a dead node left running has failed.

// JobStatus is where a job is in its life, in Ray's words.
type JobStatus string

const (
	// JobRunning: it has not ended.
	JobRunning JobStatus = "RUNNING"
	// JobSucceeded: it ended, its driver, if it ran, with status 0.
	JobSucceeded JobStatus = "SUCCEEDED"
	// JobFailed: its driver ended otherwise, or its node died.
	JobFailed JobStatus = "FAILED"
	// JobStopped: it was ended while its driver ran, or by the node's end.
	JobStopped JobStatus = "STOPPED"
)

// JobRecord is what is known of a job, also after it has ended, and with Config.DataDir also after its node has.
type JobRecord struct {
	ID        spec.JobID  `cbor:"1,keyasint"`
	Namespace string      `cbor:"2,keyasint"`
	Module    spec.Digest `cbor:"3,keyasint"`
	Status    JobStatus   `cbor:"4,keyasint"`
	Started   int64       `cbor:"5,keyasint"`           // nanoseconds since 1970 UTC
	Ended     int64       `cbor:"6,keyasint,omitempty"` // 0 while it runs
	Exit      int         `cbor:"7,keyasint,omitempty"` // status of the driver
	Error     string      `cbor:"8,keyasint,omitempty"` // why it failed or was stopped
	Node      spec.NodeID `cbor:"9,keyasint"`           // where its driver is
}

// maxJobRecords bounds the table: of the jobs before, nothing is known any more.
const maxJobRecords = 10_000

// maxJobError bounds what a record keeps of an error.
const maxJobError = 4 * spec.KiB

const jobPrefix = "job/"

// jobKey orders jobs by their number.
func jobKey(number uint32) string { return fmt.Sprintf("%s%08x", jobPrefix, number) }

// Jobs returns what is known of the jobs, oldest first.
func (n *Node) Jobs(ctx context.Context) ([]JobRecord, error) {
	var records []JobRecord
	for page := (control.Page{}); ; {
		l, err := n.control.List(ctx, jobPrefix, page)
		if err != nil {
			return nil, err
		}
		for _, item := range l.Items {
			var r JobRecord
			if err := spec.Unmarshal(item.Value, &r); err != nil {
				return nil, &spec.Error{Op: "list jobs", Kind: spec.Corrupted, ID: control.Quote(item.Key), Err: err}
			}
			records = append(records, r)
		}
		if page.After = l.Next; page.After == "" {
			return records, nil
		}
	}
}

// restoreJobs goes on counting where the last node ended, and says of the jobs that a dead one left running what became of
// them: of all whose node is no member of a cluster.
func (n *Node) restoreJobs(ctx context.Context) error {
	records, err := n.Jobs(ctx)
	if err != nil {
		return err
	}
	for _, r := range records {
		number := r.ID.Number()
		for last := n.jobs.Load(); number > last && !n.jobs.CompareAndSwap(last, number); last = n.jobs.Load() {
		}
		if r.Status != JobRunning {
			continue
		}
		if _, err := n.control.Get(ctx, memberKey(r.Node)); !errors.Is(err, spec.NotFound) {
			if err != nil {
				return err
			}
			continue
		}
		r.Status, r.Error, r.Ended = JobFailed, "the node died while it ran", time.Now().UnixNano()
		if err := n.putJob(ctx, number, r); err != nil {
			return err
		}
	}
	return nil
}

// enlist gives a job its number, the next in its control store, and writes its record.
func (n *Node) enlist(ctx context.Context, j *Job) error {
	for {
		number := n.jobs.Add(1)
		j.id = spec.JobNumber(number)
		err := n.putJob(ctx, number, j.began(), control.Condition{Key: jobKey(number)})
		if !errors.Is(err, spec.Conflict) { // another node of the cluster has taken it
			return err
		}
	}
}

// putJob writes a job's record, and drops the oldest one when there are too many.
func (n *Node) putJob(ctx context.Context, number uint32, r JobRecord, unless ...control.Condition) error {
	b, err := spec.Marshal(r)
	if err != nil {
		return err
	}
	txn := control.Txn{If: unless, Put: []control.Put{{Key: jobKey(number), Value: b}}}
	if number > maxJobRecords {
		txn.Delete = []string{jobKey(number - maxJobRecords)}
	}
	_, err = n.control.Commit(ctx, txn)
	return err
}

// began is the job's record while it runs.
func (j *Job) began() JobRecord {
	return JobRecord{ID: j.id, Namespace: j.namespace, Module: j.module.Digest(), Status: JobRunning, Started: j.started.UnixNano(), Node: j.node.id}
}

// record writes what became of the job, which was ended by cause.
func (j *Job) record(cause *spec.Error) error {
	r := j.began()
	r.Ended = time.Now().UnixNano()
	j.mu.Lock()
	driving, exit, err := j.driving, j.exit, j.failure
	j.mu.Unlock()
	r.Exit = exit
	switch {
	case driving || !errors.Is(cause, errJobEnded):
		r.Status, err = JobStopped, cause
	case exit != 0 || err != nil:
		r.Status = JobFailed
	default:
		r.Status = JobSucceeded
	}
	if err != nil {
		r.Error = err.Error()
		r.Error = r.Error[:min(len(r.Error), maxJobError)]
	}
	return j.node.putJob(context.Background(), j.id.Number(), r)
}
