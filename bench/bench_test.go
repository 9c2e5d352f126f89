package main

import (
	"bytes"
	"encoding/json"
	"log"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/raywasm/raywasm/spec"
)

func TestMain(m *testing.M) {
	if os.Getenv(sleeperVar) != "" {
		if err := beSleeper(os.Stdin, os.Stdout); err != nil {
			log.Fatal(err)
		}
		return
	}
	m.Run()
}

// shortest is the plan of a run that shows that everything can be measured, and measures nothing well.
func shortest() plan {
	return plan{
		rounds: 1, slice: time.Millisecond, deadlines: 2, gcs: 1, goActors: 200, actors: 1000, wakeUps: 5,
		tasks: 500, refs: 100, waits: 20, queued: 500, processes: 1, returns: 300, large: spec.MiB, largest: 2 * spec.MiB, kernels: "fib|sha",
	}
}

// wantGroups are the groups of rows of each suite; GUEST stands for each of the guests.
var wantGroups = map[string][]string{
	"sandbox": {
		"fresh sandbox + call, GUEST guest, 1 at a time", "fresh sandbox + call, GUEST guest, 2 at a time",
		"checkpoint, 5 dirty pages, GUEST guest", "park, 5 dirty pages, GUEST guest",
		"wake-up + call, 5 dirty pages, GUEST guest", "restore + call, 5 dirty pages, GUEST guest",
	},
	"metering":  {"time of as a node runs it / as it came", "time of metered, depth limited / as it came", "time of natively / as it came"},
	"deadlines": {"lateness of a deadline, GUEST guest", "lateness of a timer of 1 ms", "pause of the garbage collector", "runtime.GC"},
	"actors": {
		"memory of a live idle actor, GUEST guest", "an actor answers, GUEST guest",
		"memory of a live idle actor, a job's", "an actor answers, a job's",
	},
	"job":   {"calls of a job", "a whole process"},
	"crowd": {"many refs", "many waiting calls of an actor", "many queued tasks"},
	"objects": {
		"get of 1 MiB in a Go guest", "get of 1 MiB in the host", "put of 1 KiB in a Go guest", "put of 1 MiB in the host",
		"many objects", "one object of 2 MiB in the host",
	},
}

func TestEverySuiteMeasures(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out, shortest(), "json", "", nil); err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	got := make(map[string]int)
	for _, r := range r.Rows {
		got[r.heading()]++
		for _, v := range []float64{r.Median, r.Min, r.P90, r.P99, r.Max} {
			if !(v > 0) || math.IsInf(v, 0) {
				t.Errorf("%s: %s: %v is no measurement: %+v", r.heading(), r.Name, v, r)
			}
		}
		if r.Min > r.Median || r.Median > r.P90 || r.P90 > r.P99 || r.P99 > r.Max || r.Samples < 1 {
			t.Errorf("%s: %s: out of order: %+v", r.heading(), r.Name, r)
		}
	}
	guests := []string{"tiny", goGuest}
	if _, err := exec.LookPath(clang); err == nil {
		guests = append(guests, cGuest)
	}
	for suite, groups := range wantGroups {
		if _, err := resident(); err != nil && suite == "actors" {
			continue
		}
		for _, group := range groups {
			for _, g := range guests {
				heading := suite + ": " + strings.ReplaceAll(group, "GUEST", g)
				if got[heading] == 0 {
					t.Errorf("there is no row of %q", heading)
				}
			}
		}
	}
}

func TestUnknownSuite(t *testing.T) {
	err := run(t.Context(), &bytes.Buffer{}, shortest(), "text", "", []string{"sandbox", "sandboxes"})
	if err == nil || !strings.Contains(err.Error(), `"sandboxes"`) || !strings.Contains(err.Error(), "sandbox, metering") {
		t.Errorf("the error is %v", err)
	}
}

func TestReport(t *testing.T) {
	fast := []float64{1e-6, 2e-6, 9e-6}
	slow := []float64{1e-3, 4e-3, 3e-3}
	many := make([]float64, manySamples)
	for i := range many {
		many[i] = float64(i+1) * 1e-3
	}
	rows := []row{
		newRow("late", "timer", inSeconds, many).aimMax(99e-3),
		newRow("calls", "peer", inSeconds, slow).against(slow, slow),
		newRow("calls", "ours", inSeconds, fast).against(slow, fast).aim(2e-6),
		newRow("calls", "theirs", inSeconds, fast).against(slow, fast).aimMax(2e-6),
		newRow("memory", "each", inBytes, []float64{17_300}),
		newRow("time", "sha", ratio, []float64{1.5, 1.25}),
	}
	for i := range rows {
		rows[i].Suite = "s"
	}
	var out strings.Builder
	r := report{Machine: machine{CPU: "cpu", Cores: 2, Go: "go1"}, Rows: rows}
	if err := r.print(&out, "text"); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(out.String()) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	for _, want := range []string{
		"s: late median min..max p90 p99 ratio target",
		"timer 50.5 ms 1.00 ms..100 ms 90.0 ms 99.0 ms <= 99.0 ms at most: not met",
		"s: calls median min..max ratio target",
		"peer 3.00 ms 1.00 ms..4.00 ms 1.00",
		"ours 2.00 µs 1.00 µs..9.00 µs 1/1000 <= 2.00 µs: met",
		"theirs 2.00 µs 1.00 µs..9.00 µs 1/1000 <= 2.00 µs at most: not met",
		"each 17.3 KB",
		"sha 1.38 1.25..1.50",
	} {
		found := false
		for _, line := range lines {
			found = found || line == want
		}
		if !found {
			t.Errorf("there is no line %q in\n%s", want, out.String())
		}
	}
}

func TestParseKernels(t *testing.T) {
	got := parseKernels(`goos: linux
BenchmarkMetering/C/fib-2    1   999285 ns/op   0.9149 LimitDepth   1.090 all   0.7104 native
BenchmarkMetering/C/mean-2   1   1.009 LimitDepth   1.061 all   0.5212 native
PASS
`)
	if len(got) != 1 || got[0].name != "C fib" || got[0].ratios["all"] != 1.09 || got[0].ratios["native"] != 0.7104 {
		t.Errorf("got %+v", got)
	}
}
