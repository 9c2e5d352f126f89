package main

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// progress makes the status line of a running job. While things move it says how many there are; when nothing has moved for a
// while, what one of them waits for.
type progress struct {
	job     spec.JobID
	seen    host.Stats
	since   time.Duration // the counts are as seen
	why     string        // as explain said it
	whyTime time.Duration // when; 0: not since something moved
}

// stalled is how long nothing moves before the status line asks why, and how long it believes the answer.
const stalled = 10 * time.Second

// text returns the line. explain, which may take a moment, is called only when nothing moves.
func (p *progress) text(s host.Stats, pending []host.Pending, explain func() string, elapsed time.Duration) string {
	if s.CPUSeconds = 0; s != p.seen { // what is computed elsewhere moves nothing that one can see
		p.seen, p.since, p.whyTime = s, elapsed, 0
	}
	if elapsed-p.since < stalled {
		return statusText(p.job, s, pending, elapsed)
	}
	if p.whyTime == 0 || elapsed-p.whyTime >= stalled {
		p.why, p.whyTime = explain(), elapsed
	}
	if p.why == "" { // it is the driver that computes
		return statusText(p.job, s, pending, elapsed)
	}
	return fmt.Sprintf("job %v: nothing new for %s: %s", p.job, seconds(elapsed-p.since), longID.ReplaceAllString(p.why, "$1"))
}

// longID finds ids, of which the status line shows the beginning, as lines of tasks do.
var longID = regexp.MustCompile("([0-9a-f]{4})[0-9a-f]{12,}")

// statusText is the status line of a running job.
func statusText(job spec.JobID, s host.Stats, pending []host.Pending, elapsed time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "job %v: %d running, %d waiting%s, %d finished", job, s.Running, s.Waiting, reasonsText(pending), s.Finished)
	for _, p := range []struct {
		n    int64
		what string
	}{{s.Retried, "retried"}, {s.Failed, "failed"}} {
		if p.n > 0 {
			fmt.Fprintf(&b, ", %d %s", p.n, p.what)
		}
	}
	return b.String() + " " + seconds(elapsed)
}

// reasonsText prints what things wait for, the most frequent reason first: " (3 resources, 1 arguments)".
func reasonsText(pending []host.Pending) string {
	count := make(map[string]int)
	for _, p := range pending {
		count[p.Reason] += p.Count
	}
	var parts []string
	for _, reason := range slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), strings.Compare(a, b))
	}) {
		parts = append(parts, fmt.Sprintf("%d %s", count[reason], reason))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}
