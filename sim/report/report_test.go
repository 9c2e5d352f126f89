package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"testing"
	"time"

	"github.com/raywasm/raywasm/sim"
	"github.com/raywasm/raywasm/spec"
)

// story runs two tasks one after the other on one node with one CPU.
func story(t *testing.T) Report {
	t.Helper()
	p := &sim.Program{Net: sim.Net{Delay: time.Millisecond}, Nodes: []sim.Node{{ID: 1, Type: "small", Total: spec.Resources{CPU: spec.Unit}}}}
	for i := range 2 {
		p.Tasks = append(p.Tasks, sim.Task{ID: i + 1, At: time.Second, Need: spec.Resources{CPU: spec.Unit}, Duration: 10 * time.Second, Bundle: -1, Class: "map"})
	}
	rec := NewRecorder()
	res, err := sim.Run(p, rec.Watch(sim.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	return rec.Report(res, map[string]float64{"small": 3600})
}

func TestReport(t *testing.T) {
	r := story(t)
	near := func(what string, got, want float64) {
		if math.Abs(got-want) > 0.02*want {
			t.Errorf("%s is %v, want about %v", what, got, want)
		}
	}
	near("the time", r.Seconds, 21)
	near("use", r.Utilisation, 20.0/21)
	near("cost", r.Cost, 21)
	if len(r.Classes) != 1 || r.Classes[0].Count != 2 || r.Tasks != 2 || r.Attempts != 2 || len(r.Types) != 1 || r.Types[0].Nodes != 1 {
		t.Fatalf("got %+v", r)
	}
	near("the longest wait", r.Classes[0].WaitMost, 10)
	var busy, waiting, cpus float64
	for _, p := range r.Timeline {
		part := r.Seconds / points
		busy, waiting, cpus = busy+part*p.Busy, waiting+part*p.Waiting, cpus+part*p.CPUs
	}
	near("busy time of the timeline", busy, 20)
	near("waiting time of the timeline", waiting, 10)
	near("CPU time of the timeline", cpus, 21)
}

func TestThePictureIsSVG(t *testing.T) {
	var a, b bytes.Buffer
	if err := story(t).WriteSVG(&a); err != nil {
		t.Fatal(err)
	}
	if err := story(t).WriteSVG(&b); err != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Errorf("the same run has another picture (%v)", err)
	}
	seen := map[string]int{}
	for d := xml.NewDecoder(&a); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok {
			seen[start.Name.Local]++
		}
	}
	if seen["svg"] != 1 || seen["path"] != 2 || seen["polyline"] != 1 || seen["title"] != 1 {
		t.Errorf("elements %v", seen)
	}
}
