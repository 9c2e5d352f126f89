package owner

import (
	"errors"
	"slices"
	"time"

	"github.com/raywasm/raywasm/spec"
)

// RetryPolicy says how often a task may run again, after which errors, and when.
type RetryPolicy struct {
	MaxRetries      int32    // -1 for ever
	RetryExceptions bool     // also after errors that the function returned
	RetryOn         []string // after those of these kinds or types
	Delay           time.Duration
}

// Retry decides whether there is another attempt after attempt (0 is the first) failed with that error. Failures of the
// system are retried, errors of the application only if the policy says so; what another attempt cannot change (a
// cancelled task, a malformed argument) never is. (Ray: fault tolerance, tasks.)
func (p RetryPolicy) Retry(attempt int32, failure error) bool {
	if p.MaxRetries >= 0 && attempt >= p.MaxRetries {
		return false
	}
	return systemFailure[spec.KindOf(failure)] || p.wants(failure)
}

// RetryMethod is Retry for an actor's method that returned an error: what became of the actor's sandbox is its core's to
// decide about, but the attempts count together. (Ray: fault tolerance, actors.)
func (p RetryPolicy) RetryMethod(attempt int32, failure error) bool {
	return (p.MaxRetries < 0 || attempt < p.MaxRetries) && p.wants(failure)
}

// wants reports whether the policy says to run again after an error that was returned.
func (p RetryPolicy) wants(failure error) bool {
	return spec.KindOf(failure) == spec.TaskError && (p.RetryExceptions || p.names(failure))
}

// names reports whether the error, or one that caused it, is of a kind or type that the policy names.
func (p RetryPolicy) names(failure error) bool {
	if len(p.RetryOn) == 0 {
		return false
	}
	for depth := 0; failure != nil && depth < spec.MaxErrorDepth; depth++ {
		var err *spec.Error
		if !errors.As(failure, &err) {
			break
		}
		for k := err.Kind; k != 0 && k != spec.AnyError; k = k.Parent() {
			if slices.Contains(p.RetryOn, k.Error()) {
				return true
			}
		}
		failure = err.Err
	}
	var fault *spec.Fault
	return errors.As(failure, &fault) && p.namesFault(fault, 0)
}

// namesFault reports whether the policy names the type of a fault or of one of its causes.
func (p RetryPolicy) namesFault(f *spec.Fault, depth int) bool {
	switch {
	case f == nil || depth == spec.MaxErrorDepth:
		return false
	case slices.Contains(p.RetryOn, f.Type), p.namesFault(f.Cause, depth+1):
		return true
	}
	return slices.ContainsFunc(f.More, func(more *spec.Fault) bool { return p.namesFault(more, depth+1) })
}

// Wait returns how long the attempt after attempt waits: Delay, doubled for each attempt before, at most
// spec.MaxRetryDelay, and of that at random between one half and all. random is any number; of the same comes the same.
func (p RetryPolicy) Wait(attempt int32, random uint64) time.Duration {
	wait := p.Delay
	for ; attempt > 0 && wait < spec.MaxRetryDelay; attempt-- {
		wait *= 2
	}
	wait = min(wait, spec.MaxRetryDelay)
	if wait <= 1 {
		return wait
	}
	return wait/2 + time.Duration(random%uint64(wait/2+1))
}

// systemFailure holds the kinds that are the fault of where the task ran.
var systemFailure = func() map[spec.Kind]bool {
	m := make(map[spec.Kind]bool)
	for _, k := range spec.Kinds() {
		for _, of := range []spec.Kind{spec.WorkerCrashed, spec.NodeDied, spec.OutOfMemory} {
			if k.Is(of) {
				m[k] = true
			}
		}
	}
	return m
}()
