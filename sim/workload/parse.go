package workload

import (
	_ "embed"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/spec"
)

// Schema is the JSON Schema of the file, for editors.
//
//go:embed workload.schema.json
var Schema []byte

// Limits of a file.
const (
	// MaxBytes bounds the file.
	MaxBytes = 1 << 20
	// MaxTasks bounds all tasks, and all calls of actors, that a file makes: more than a million take minutes.
	MaxTasks = 5_000_000
)

// File is what a file says.
type File struct {
	Workload string             `yaml:"workload"`
	Seed     uint64             `yaml:"seed"`
	Boot     Duration           `yaml:"boot"`
	Prices   map[string]float64 `yaml:"prices"`
	Deaths   map[string]float64 `yaml:"deaths"`
	Network  Network            `yaml:"network"`
	Tasks    []Task             `yaml:"tasks"`
	Groups   []Group            `yaml:"groups"`
	Actors   []Actor            `yaml:"actors"`
}

// Network is how messages travel.
type Network struct {
	Delay  Duration `yaml:"delay"`
	Jitter Duration `yaml:"jitter"`
}

// Task is a number of tasks that are alike.
type Task struct {
	Name     string            `yaml:"name"`
	Count    *int              `yaml:"count"` // default 1
	At       Duration          `yaml:"at"`
	Every    Duration          `yaml:"every"`
	Duration Duration          `yaml:"duration"`
	Spread   Duration          `yaml:"spread"`
	Needs    map[string]any    `yaml:"needs"` // default {CPU: 1}
	Selector map[string]string `yaml:"selector"`
	Retries  *int              `yaml:"retries"` // default 3
	Crash    float64           `yaml:"crash"`
	Fail     float64           `yaml:"fail"`
	Group    string            `yaml:"group"`
}

// Group is a placement group.
type Group struct {
	Name     string           `yaml:"name"`
	Strategy string           `yaml:"strategy"`
	Bundles  []map[string]any `yaml:"bundles"`
	At       Duration         `yaml:"at"`
	Until    Duration         `yaml:"until"`
}

// Actor is a number of actors that are alike.
type Actor struct {
	Name     string         `yaml:"name"`
	Count    *int           `yaml:"count"`
	At       Duration       `yaml:"at"`
	Needs    map[string]any `yaml:"needs"`
	Calls    int            `yaml:"calls"`
	Every    Duration       `yaml:"every"`
	Duration Duration       `yaml:"duration"`
	Restarts int            `yaml:"restarts"`
	Retries  int            `yaml:"retries"`
	Crash    float64        `yaml:"crash"`
}

// Duration is a time such as 90s, 1h30m or 10ms.
type Duration time.Duration

// maxDuration bounds every time of a file.
const maxDuration = 365 * 24 * time.Hour

// UnmarshalText reads a duration.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil || v < 0 || v > maxDuration {
		return fmt.Errorf("%q is no time: write a number with a unit, such as 90s, 1h30m or 10ms, at most a year", b)
	}
	*d = Duration(v)
	return nil
}

// Parse reads a file; name is for its errors, which are of kind InvalidArgument.
func Parse(name string, data []byte) (*File, error) {
	const op = "read the workload file"
	if len(data) > MaxBytes {
		return nil, spec.Errorf(op, spec.InvalidArgument, name, "it has %d bytes, at most %d", len(data), MaxBytes)
	}
	var f File
	if err := decode(data, &f); err != nil {
		return nil, spec.Errorf(op, spec.InvalidArgument, name, "%s", strings.TrimSpace(err.Error()))
	}
	if problems := f.check(); len(problems) > 0 {
		return nil, spec.Errorf(op, spec.InvalidArgument, name, "%s", strings.Join(problems, "\n"))
	}
	return &f, nil
}

// decode reads YAML without unknown keys. A fault of the YAML library is a fault of the file that brought it about.
func decode(data []byte, f *File) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("this is not YAML that can be read: %v", r)
		}
	}()
	return yaml.UnmarshalWithOptions(data, f, yaml.Strict())
}

// check collects what is wrong.
func (f *File) check() (problems []string) {
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if len(f.Tasks)+len(f.Actors)+len(f.Groups) == 0 {
		bad("tasks: there is nothing to do: write tasks, groups or actors")
	}
	for _, field := range []struct {
		name string
		of   map[string]float64
	}{{"prices", f.Prices}, {"deaths", f.Deaths}} {
		for _, key := range slices.Sorted(maps.Keys(field.of)) {
			if v := field.of[key]; !(v >= 0 && v <= 1e9) {
				bad("%s.%s: is %v; write a number between 0 and 1e9", field.name, key, v)
			}
		}
	}
	groups := make(map[string]*Group)
	for i := range f.Groups {
		g, at := &f.Groups[i], fmt.Sprintf("groups[%d]", i)
		if g.Name == "" || groups[g.Name] != nil {
			bad("%s.name: is %q; write a name that no other group has", at, g.Name)
		}
		groups[g.Name] = g
		if g.Until <= g.At {
			bad("%s.until: is %v, which is not after at, %v: write when the group is removed", at, time.Duration(g.Until), time.Duration(g.At))
		}
		for k, b := range g.Bundles {
			if _, err := resources(b); err != nil {
				bad("%s.bundles[%d]: %v", at, k, err)
			}
		}
		if o, err := g.options(); err == nil {
			if err := o.Check(); err != nil {
				bad("%s: %v", at, err)
			}
		}
	}
	total := 0.0
	for i := range f.Tasks {
		t, at := &f.Tasks[i], fmt.Sprintf("tasks[%d]", i)
		total += float64(count(t.Count))
		if t.Name == "" {
			bad("%s.name: is missing: write one, for the report", at)
		}
		if n := count(t.Count); n < 1 {
			bad("%s.count: is %d; write 1 or more", at, n)
		}
		if t.Spread > t.Duration {
			bad("%s.spread: is %v, more than duration, %v", at, time.Duration(t.Spread), time.Duration(t.Duration))
		}
		if _, err := resources(t.Needs); err != nil {
			bad("%s.needs: %v", at, err)
		}
		if _, err := label.Parse(t.Selector); err != nil {
			bad("%s.selector: %v", at, err)
		}
		if t.Retries != nil && (*t.Retries < -1 || *t.Retries > math.MaxInt32) {
			bad("%s.retries: is %d; write -1 for ever, 0, or more", at, *t.Retries)
		}
		if t.Group != "" && groups[t.Group] == nil {
			bad("%s.group: there is no group %q under groups", at, t.Group)
		}
		probability(bad, at+".crash", t.Crash)
		probability(bad, at+".fail", t.Fail)
	}
	for i := range f.Actors {
		a, at := &f.Actors[i], fmt.Sprintf("actors[%d]", i)
		if n := count(a.Count); n < 1 || a.Calls < 0 || a.Restarts < -1 || a.Retries < -1 {
			bad("%s: count is 1 or more, calls 0 or more, restarts and retries -1 or more", at)
		} else {
			total += float64(n) * float64(1+a.Calls)
		}
		if _, err := resources(a.Needs); err != nil {
			bad("%s.needs: %v", at, err)
		}
		probability(bad, at+".crash", a.Crash)
	}
	if total > MaxTasks {
		bad("tasks: %.0f tasks and calls in all, at most %d", total, MaxTasks)
	}
	return problems
}

func probability(bad func(string, ...any), at string, p float64) {
	if !(p >= 0 && p < 1) {
		bad("%s: is %v; write a probability of 0 or more, below 1", at, p)
	}
}

func count(n *int) int {
	if n == nil {
		return 1
	}
	return *n
}

func (g *Group) options() (o spec.GroupOptions, err error) {
	o.Strategy = spec.Strategy(g.Strategy)
	for _, b := range g.Bundles {
		r, err := resources(b)
		if err != nil {
			return o, err
		}
		o.Bundles = append(o.Bundles, spec.Bundle{Resources: r})
	}
	return o, nil
}

// resources reads {CPU: 1, GPU: 0.5, memory: 2GiB, x: 1}; none is one CPU.
func resources(m map[string]any) (r spec.Resources, err error) {
	if m == nil {
		return spec.Resources{CPU: spec.Unit}, nil
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if key == "memory" {
			if r.Memory, err = spec.ParseBytes(fmt.Sprint(m[key])); err != nil {
				return r, fmt.Errorf("memory is %v; write a number of bytes, such as 2GiB", m[key])
			}
			continue
		}
		var n float64
		switch v := m[key].(type) {
		case uint64:
			n = float64(v)
		case int64:
			n = float64(v)
		case float64:
			n = v
		default:
			return r, fmt.Errorf("%s is %v; write a number", key, v)
		}
		q, err := spec.Q(n)
		if err != nil {
			return r, fmt.Errorf("%s: %w", key, err)
		}
		switch key {
		case "CPU":
			r.CPU = q
		case "GPU":
			r.GPU = q
		case "cpu", "gpu":
			return r, fmt.Errorf("%s: did you mean %s?", key, strings.ToUpper(key))
		default:
			if r.Custom == nil {
				r.Custom = make(map[string]spec.Quantity)
			}
			r.Custom[key] = q
		}
	}
	return r, r.Check()
}
