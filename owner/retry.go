package owner

import "github.com/raywasm/raywasm/spec"

// RetryPolicy says how often a task may run again.
type RetryPolicy struct {
	MaxRetries      int32 // -1 for ever
	RetryExceptions bool  // also after errors that the function returned
}

// Retry decides whether there is another attempt after attempt (0 is the first) failed with an error of that kind.
// Failures of the system are retried, errors of the application only if the policy says so; what another attempt cannot
// change (a cancelled task, a malformed argument) never is. (Ray: fault tolerance, tasks.)
func (p RetryPolicy) Retry(attempt int32, failure spec.Kind) bool {
	if p.MaxRetries >= 0 && attempt >= p.MaxRetries {
		return false
	}
	return systemFailure[failure] || p.RetryExceptions && failure == spec.TaskError
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
