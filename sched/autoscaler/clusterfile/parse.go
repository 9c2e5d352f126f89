package clusterfile

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/raywasm/raywasm/sched/autoscaler"
	"github.com/raywasm/raywasm/sched/label"
	"github.com/raywasm/raywasm/spec"
)

// Schema is the JSON Schema of the file, for editors.
//
//go:embed cluster.schema.json
var Schema []byte

// Cluster is what a file says.
type Cluster struct {
	Name        string
	Provider    Provider
	Head        string // the head's node type
	Autoscaler  autoscaler.Config
	NodeConfigs map[string]any // by node type; what encoding/json would make of it
}

// Provider is where machines come from.
type Provider struct {
	Type   string
	Config map[string]any
}

// maxProblems bounds what one error tells.
const maxProblems = 20

// Parse reads a file; name is for its errors. An error is of kind InvalidArgument and tells every problem on a line of its own:
//
//	cluster.yaml:7:5: available_node_types.worker.max_worker: unknown key; did you mean max_workers?
func Parse(name string, data []byte) (*Cluster, error) {
	p := &parse{name: name}
	root, err := read(data)
	var f fault
	if errors.As(err, &f) {
		p.problem(f.at, "", "%s", f.text)
		return nil, p.err()
	}
	c := p.cluster(&root)
	if len(p.problems) == 0 {
		if err := c.Autoscaler.Check(); err != nil {
			p.problem(root.at, "", "%v", reason(err))
		}
	}
	if len(p.problems) > 0 {
		return nil, p.err()
	}
	return c, nil
}

// parse collects problems.
type parse struct {
	name     string
	problems []string
}

func (p *parse) problem(at place, key, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if key != "" {
		text = key + ": " + text
	}
	p.problems = append(p.problems, fmt.Sprintf("%s:%d:%d: %s", p.name, at.line, at.column, text))
}

func (p *parse) err() error {
	list := p.problems
	if more := len(list) - maxProblems; more > 0 {
		list = append(list[:maxProblems:maxProblems], fmt.Sprintf("and %d more", more))
	}
	return spec.Errorf("read the cluster file", spec.InvalidArgument, p.name, "%s", strings.Join(list, "\n"))
}

func (p *parse) cluster(root *value) *Cluster {
	c := &Cluster{NodeConfigs: make(map[string]any)}
	a := &c.Autoscaler
	*a = autoscaler.Config{MaxWorkers: autoscaler.DefaultMaxWorkers, UpscalingSpeed: autoscaler.DefaultUpscalingSpeed, IdleTimeout: autoscaler.DefaultIdleTimeout}
	var types, head *value
	p.fields(root, "", map[string]func(string, *value){
		"cluster_name":    func(key string, v *value) { c.Name = p.text(key, v) },
		"max_workers":     func(key string, v *value) { a.MaxWorkers = p.whole(key, v) },
		"upscaling_speed": func(key string, v *value) { a.UpscalingSpeed = p.number(key, v, 1e6) },
		"idle_timeout_minutes": func(key string, v *value) {
			a.IdleTimeout = time.Duration(p.number(key, v, 1e6) * float64(time.Minute))
		},
		"provider":             func(key string, v *value) { c.Provider = p.provider(key, v) },
		"available_node_types": func(key string, v *value) { types = v },
		"head_node_type":       func(key string, v *value) { c.Head, head = p.text(key, v), v },
	}, "cluster_name", "provider", "available_node_types", "head_node_type")
	if types == nil {
		return c
	}
	// After the rest: a type's limit is the cluster's if it has none.
	if types.kind != "map" {
		p.problem(types.at, "available_node_types", "is %s; write a map from a type's name to what it is", types.is())
		return c
	}
	if len(types.fields) > autoscaler.MaxTypes {
		p.problem(types.at, "available_node_types", "has %d types, at most %d", len(types.fields), autoscaler.MaxTypes)
		return c
	}
	least := 0
	for i := range types.fields {
		f := &types.fields[i]
		t := p.nodeType(c, "available_node_types."+f.key, f)
		least += t.MinWorkers
		a.Types = append(a.Types, t)
	}
	names := make([]string, len(a.Types))
	for i, t := range a.Types {
		names[i] = t.Name
	}
	if head != nil && c.Head != "" && !slices.Contains(names, c.Head) {
		p.problem(head.at, "head_node_type", "%q is not among available_node_types%s", c.Head, suggest(c.Head, names))
	}
	if least > a.MaxWorkers && len(p.problems) == 0 {
		p.problem(root.at, "max_workers", "is %d, but all min_workers together are %d: raise it or lower those", a.MaxWorkers, least)
	}
	return c
}

func (p *parse) provider(key string, v *value) (out Provider) {
	p.fields(v, key, map[string]func(string, *value){
		"type":   func(key string, v *value) { out.Type = p.text(key, v) },
		"config": func(key string, v *value) { out.Config = p.free(key, v) },
	}, "type")
	return out
}

func (p *parse) nodeType(c *Cluster, key string, f *field) autoscaler.NodeType {
	t := autoscaler.NodeType{Name: f.key, MaxWorkers: c.Autoscaler.MaxWorkers}
	if !goodName(f.key) {
		p.problem(f.at, key, "is no name for a type: use letters, digits, '-', '_' and '.', at most 63 of them")
	}
	var config map[string]any
	at := f.at
	p.fields(&f.value, key, map[string]func(string, *value){
		"resources":   func(key string, v *value) { t.Resources = p.resources(key, v) },
		"labels":      func(key string, v *value) { t.Labels = p.labels(key, v) },
		"min_workers": func(key string, v *value) { t.MinWorkers = p.whole(key, v); at = v.at },
		"max_workers": func(key string, v *value) { t.MaxWorkers = p.whole(key, v) },
		"node_config": func(key string, v *value) { config = p.free(key, v) },
	}, "resources")
	if t.MaxWorkers < t.MinWorkers {
		p.problem(at, key+".min_workers", "is %d, above max_workers, %d", t.MinWorkers, t.MaxWorkers)
	}
	c.NodeConfigs[f.key] = config
	t.Digest = digest(t, config)
	return t
}

func (p *parse) resources(key string, v *value) (r spec.Resources) {
	if !p.isMap(key, v, "CPU: 4") {
		return r
	}
	for i := range v.fields {
		f := &v.fields[i]
		key := key + "." + f.key
		if f.key == "memory" {
			r.Memory = p.bytes(key, &f.value)
			continue
		}
		if f.key == "cpu" || f.key == "gpu" || f.key == "Memory" {
			right := map[string]string{"cpu": "CPU", "gpu": "GPU", "Memory": "memory"}[f.key]
			p.problem(f.at, key, "unknown key; did you mean %s?", right)
			continue
		}
		n := p.number(key, &f.value, 1<<40)
		q, err := spec.Q(n)
		if err != nil {
			p.problem(f.value.at, key, "%v is finer than 0.0001", n)
			continue
		}
		switch f.key {
		case "CPU":
			r.CPU = q
		case "GPU":
			r.GPU = q
		default:
			if r.Custom == nil {
				r.Custom = make(map[string]spec.Quantity)
			}
			r.Custom[f.key] = q
		}
	}
	if err := r.Check(); err != nil {
		p.problem(v.at, key, "%v", reason(err))
	}
	return r
}

func (p *parse) bytes(key string, v *value) int64 {
	if s, ok := v.scalar.(string); ok {
		n, err := spec.ParseBytes(s)
		if err != nil {
			p.problem(v.at, key, "is %s; write a number of bytes, such as 8589934592 or 8GiB", v.is())
		}
		return n
	}
	return int64(p.number(key, v, 1<<60))
}

func (p *parse) labels(key string, v *value) label.Set {
	if !p.isMap(key, v, "market: spot") {
		return label.Set{}
	}
	labels := make(map[string]string, len(v.fields))
	for i := range v.fields {
		f := &v.fields[i]
		s, ok := f.scalar.(string)
		if !ok || f.kind != "value" {
			p.problem(f.value.at, key+"."+f.key, "is %s; a label's value is a string: write it in quotes", f.is())
			continue
		}
		if _, err := label.NewSet(map[string]string{f.key: s}); err != nil {
			p.problem(f.at, key+"."+f.key, "%v", reason(err))
			continue
		}
		labels[f.key] = s
	}
	set, err := label.NewSet(labels)
	if err != nil { // each is fine, so they are too many
		p.problem(v.at, key, "%v", reason(err))
	}
	return set
}

// free accepts any map.
func (p *parse) free(key string, v *value) map[string]any {
	if !p.isMap(key, v, "image: ray") {
		return nil
	}
	return v.plain().(map[string]any)
}

func (p *parse) isMap(key string, v *value, example string) bool {
	if v.kind != "map" {
		p.problem(v.at, key, "is %s; write a map, such as {%s}", v.is(), example)
		return false
	}
	return true
}

// fields hands each field of a map to its function. Unknown and missing ones are problems.
func (p *parse) fields(v *value, path string, known map[string]func(key string, v *value), required ...string) {
	names := make([]string, 0, len(known))
	for name := range known {
		names = append(names, name)
	}
	slices.Sort(names)
	if v.kind != "map" {
		p.problem(v.at, path, "is %s; write a map with the keys %s", v.is(), strings.Join(names, ", "))
		return
	}
	prefix := path
	if prefix != "" {
		prefix += "."
	}
	for i := range v.fields {
		f := &v.fields[i]
		if take := known[f.key]; take != nil {
			take(prefix+f.key, &f.value)
		} else {
			hint := suggest(f.key, names)
			if hint == "" {
				hint = "; the keys here are " + strings.Join(names, ", ")
			}
			p.problem(f.at, prefix+f.key, "unknown key%s", hint)
		}
	}
	for _, name := range required {
		if !slices.ContainsFunc(v.fields, func(f field) bool { return f.key == name }) {
			p.problem(v.at, prefix+name, "is missing: write it")
		}
	}
}

// text is a string of 1 to 63 letters, digits, '-', '_' and '.'.
func (p *parse) text(key string, v *value) string {
	s, ok := v.scalar.(string)
	if !ok || !goodName(s) {
		p.problem(v.at, key, "is %s; write a name of letters, digits, '-', '_' and '.', at most 63 of them", v.is())
	}
	return s
}

func goodName(s string) bool {
	if len(s) == 0 || len(s) > 63 {
		return false
	}
	for _, c := range []byte(s) {
		if c-'0' > 9 && c|0x20-'a' > 25 && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

func (p *parse) whole(key string, v *value) int {
	n := p.number(key, v, autoscaler.MaxWorkers)
	if n != math.Trunc(n) {
		p.problem(v.at, key, "is %s; write a whole number", v.is())
		return 0
	}
	return int(n)
}

// number is one between 0 and most.
func (p *parse) number(key string, v *value, most float64) float64 {
	n := -1.0
	switch s := v.scalar.(type) {
	case int64:
		n = float64(s)
	case float64:
		n = s
	}
	if !(n >= 0 && n <= most) || v.kind != "value" {
		p.problem(v.at, key, "is %s; write a number between 0 and %s", v.is(), strconv.FormatFloat(most, 'f', -1, 64))
		return 0
	}
	return n
}

// digest is equal for types whose machines are equal.
func digest(t autoscaler.NodeType, config map[string]any) string {
	b, err := json.Marshal([]any{t.Resources, t.Labels.Map(), config}) // maps are written in the order of their keys
	if err != nil {                                                    // only a number that is not finite could do this, and none is read
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// reason is what an error says of the thing, without what was attempted and of which kind it is: place and key say that.
func reason(err error) string {
	var e *spec.Error
	if !errors.As(err, &e) || e.Err == nil {
		return err.Error()
	}
	if e.ID == "" {
		return e.Err.Error()
	}
	return e.ID + ": " + e.Err.Error()
}
