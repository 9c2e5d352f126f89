package host

// CountRunning counts n functions of the job as running, so that a test reaches spec.MaxRunningTasks.
func (j *Job) CountRunning(n int64) { j.stats.running.Add(n) }
