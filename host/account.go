package host

import (
	"errors"

	"github.com/raywasm/raywasm/host/hostcall"
	"github.com/raywasm/raywasm/spec"
)

// What the host keeps on behalf of guests is reserved of the object store's memory, in the account of the job, so that no
// guest can make the host's memory grow without bound. These are the sizes, in bytes, of the records that come with it:
// the Go values, their places in maps, and what maps and slices leave unused.
const (
	// objectBytes is an object, beside its value: its entry, its count, and a reference that somebody waits for.
	objectBytes = 512
	// taskBytes is a call that has not finished, beside its arguments: its record, its request for a lease, its timer.
	taskBytes = 768
	// actorBytes is an actor, beside its arguments: its record, its core, its session, its place in the queues.
	actorBytes = 4096
	// sandboxBytes is a sandbox that has an instance, beside the guest's own memory: the tables of a Go program, and a stack for
	// each of its functions that the host has called.
	sandboxBytes = 224 * spec.KiB
	// resourceBytes is a custom resource that a call asks for, beside its name.
	resourceBytes = 128
)

// jobMemory is the account of a job, for what its guests do: what is unreachable is freed before anything is refused.
type jobMemory Job

func (j *jobMemory) Reserve(n int64) error { return j.node.objects.reserve(j.memory, n) }

func (j *jobMemory) Release(n int64) { j.memory.Release(n) }

// valueBytes is what a value takes.
func valueBytes(v spec.Value) int64 {
	return int64(len(v.Data)) + hostcall.LinkBytes*int64(len(v.Links))
}

// argBytes is what arguments take.
func argBytes(args []spec.Arg) int64 {
	n := int64(0)
	for _, a := range args {
		n += hostcall.ValueBytes + valueBytes(a.Value)
		if a.IsRef {
			n += hostcall.LinkBytes
		}
	}
	return n
}

// placementBytes is what a placement takes.
func placementBytes(p *spec.Placement) int64 {
	if p == nil {
		return 0
	}
	bytes := int64(256)
	for _, m := range append([]map[string]string{p.Labels}, p.Fallback...) {
		for name, condition := range m {
			bytes += 64 + 3*int64(len(name)+len(condition)) // read, in order, and as a text
		}
	}
	return bytes
}

// formBytes is what custom resources take.
func formBytes(custom map[string]spec.Quantity) int64 {
	n := int64(0)
	for name := range custom {
		n += resourceBytes + int64(len(name))
	}
	return n
}

// errorBytes is what an error takes: the texts of the guest that it ends with. What the host says on top of them is
// little, and a cause that many errors share is there once.
func errorBytes(err *spec.Error) int64 {
	n := int64(0)
	for range spec.MaxErrorDepth {
		n += int64(len(err.Op) + len(err.ID))
		if !errors.As(err.Err, &err) {
			break
		}
	}
	var fault *spec.Fault
	if errors.As(err, &fault) {
		n += faultBytes(fault)
	}
	return n
}

// faultBytes is what a fault takes with all its causes.
func faultBytes(f *spec.Fault) int64 {
	if f == nil {
		return 0
	}
	n := int64(len(f.Type)+len(f.Message)+len(f.Stack)+len(f.Stderr)+len(f.Data)) + faultBytes(f.Cause)
	for _, c := range f.More {
		n += faultBytes(c)
	}
	return n
}
