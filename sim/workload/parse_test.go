package workload

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/raywasm/raywasm/spec"
)

const whole = `
workload: nightly
seed: 7
boot: 90s
prices: {worker: 0.40}
deaths: {worker: 0.05}
network: {delay: 1ms, jitter: 2ms}
tasks:
- name: map
  count: 10
  at: 10s
  every: 10ms
  duration: 30s
  spread: 10s
  needs: {CPU: 1, memory: 2GiB, x: 0.5}
  selector: {zone: "in(eu-1,eu-2)"}
  retries: 5
  crash: 0.01
- name: train
  duration: 10m
  group: trainers
groups:
- name: trainers
  strategy: STRICT_SPREAD
  bundles: [{CPU: 1}, {CPU: 1}]
  until: 2h
actors:
- name: counter
  count: 3
  needs: {CPU: 1}
  calls: 100
  every: 1s
  duration: 10ms
  restarts: -1
`

func TestAFileBecomesAProgram(t *testing.T) {
	f, err := Parse("w.yaml", []byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	p := f.Program()
	if len(p.Tasks) != 11 || len(p.Groups) != 1 || len(p.Actors) != 3 || p.Seed != 7 || p.Net.Jitter != 2*time.Millisecond {
		t.Fatalf("got %+v", p)
	}
	first, last, train := p.Tasks[0], p.Tasks[9], p.Tasks[10]
	if last.At != 10*time.Second+90*time.Millisecond || first.Retries != 5 || train.Retries != 3 || train.Group != 1 || train.Need.CPU != spec.Unit {
		t.Errorf("tasks %+v, %+v, %+v", first, last, train)
	}
	differ := false
	for _, k := range p.Tasks[:10] {
		if k.Duration < 20*time.Second || k.Duration > 40*time.Second {
			t.Errorf("a task of %v", k.Duration)
		}
		differ = differ || k.Duration != first.Duration
	}
	if !differ || first.Need.Memory != 2<<30 || first.Need.Custom["x"] != 5000 {
		t.Errorf("all of %v; needs %v", first.Duration, first.Need)
	}
	if again := f.Program(); again.Tasks[5].Duration != p.Tasks[5].Duration {
		t.Error("the same file made another program")
	}
}

func TestErrorsSayWhereAndWhat(t *testing.T) {
	for _, test := range []struct{ file, says string }{
		{"", "there is nothing to do"},
		{"tasks:\n- name: a\n  cuont: 3\n", "[3:3] unknown field \"cuont\""},
		{"tasks:\n- name: a\n  duration: 3\n", `"3" is no time: write a number with a unit`},
		{"tasks:\n- name: a\n  duration: -3s\n", "is no time"},
		{"tasks:\n- name: a\n  count: 0\n", "tasks[0].count: is 0; write 1 or more"},
		{"tasks:\n- count: 1\n", "tasks[0].name: is missing"},
		{"tasks:\n- name: a\n  spread: 3s\n", "tasks[0].spread: is 3s, more than duration, 0s"},
		{"tasks:\n- name: a\n  needs: {cpu: 1}\n", "tasks[0].needs: cpu: did you mean CPU?"},
		{"tasks:\n- name: a\n  needs: {CPU: 0.00001}\n", "finer than 0.0001"},
		{"tasks:\n- name: a\n  needs: {CPU: many}\n", "CPU is many; write a number"},
		{"tasks:\n- name: a\n  needs: {memory: lots}\n", "memory is lots; write a number of bytes"},
		{"tasks:\n- name: a\n  needs: {GPU: 1.5}\n", "above 1 and not whole"},
		{"tasks:\n- name: a\n  selector: {zone: in(a}\n", "no closing parenthesis"},
		{"tasks:\n- name: a\n  crash: 1\n", "tasks[0].crash: is 1; write a probability"},
		{"tasks:\n- name: a\n  retries: -2\n", "tasks[0].retries: is -2"},
		{"tasks:\n- name: a\n  group: g\n", `there is no group "g"`},
		{"tasks:\n- name: a\n  count: 100000000\n", "at most 5000000"},
		{"groups:\n- name: g\n  bundles: [{CPU: 1}]\n", "groups[0].until: is 0s, which is not after at"},
		{"groups:\n- name: g\n  until: 1s\n", "reserves at least one"},
		{"groups:\n- name: g\n  until: 1s\n  strategy: TIGHT\n  bundles: [{CPU: 1}]\n", "TIGHT"},
		{"groups:\n- name: g\n  until: 1s\n  bundles: [{CPU: x}]\n", "groups[0].bundles[0]: CPU is x"},
		{"actors:\n- name: a\n  restarts: -2\n", "restarts and retries -1 or more"},
		{"tasks:\n- name: a\nprices: {x: -1}\n", "prices.x: is -1"},
		{"tasks: [", "["},
		{strings.Repeat("#", MaxBytes+1), "at most 1048576"},
	} {
		_, err := Parse("w.yaml", []byte(test.file))
		if !errors.Is(err, spec.InvalidArgument) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%.60q:\n%v\nwant %q", test.file, err, test.says)
		}
	}
}

// TestTheSchemaSaysTheSame: what is accepted fulfils the schema, and the schema refuses unknown keys.
func TestTheSchemaSaysTheSame(t *testing.T) {
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("workload.json", schema); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("workload.json")
	if err != nil {
		t.Fatal(err)
	}
	validate := func(file string) error {
		var v any
		if err := yaml.Unmarshal([]byte(file), &v); err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		return s.Validate(doc)
	}
	if err := validate(whole); err != nil {
		t.Error(err)
	}
	for _, file := range []string{"x: 1", "tasks:\n- name: a\n  cuont: 1\n", "tasks:\n- name: a\n  duration: 3\n", "tasks:\n- name: a\n  crash: 1\n",
		"groups:\n- name: g\n  until: 1s\n  strategy: TIGHT\n  bundles: [{CPU: 1}]\n"} {
		if validate(file) == nil {
			t.Errorf("the schema accepts %q", file)
		}
		if _, err := Parse("w.yaml", []byte(file)); err == nil {
			t.Errorf("Parse accepts %q", file)
		}
	}
	// Every key of the package's comment is a key of the schema.
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var example strings.Builder
	for line := range strings.Lines(string(doc)) {
		if rest, ok := strings.CutPrefix(line, "//\t"); ok {
			example.WriteString(rest)
		}
	}
	if _, err := Parse("doc.go", []byte(example.String())); err != nil {
		t.Error(err)
	}
	if err := validate(example.String()); err != nil {
		t.Error(err)
	}
}

// FuzzParse: a file has an error of its kind, or makes a program within the bounds.
func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("tasks:\n- &a {name: a}\n- *a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		w, err := Parse("w.yaml", data)
		if err != nil {
			if !errors.Is(err, spec.InvalidArgument) {
				t.Fatal(err)
			}
			return
		}
		n := 0
		for _, k := range w.Tasks {
			n += count(k.Count)
		}
		if n > MaxTasks {
			t.Fatalf("%d tasks", n)
		}
		if n < 10_000 {
			w.Program()
		}
	})
}
