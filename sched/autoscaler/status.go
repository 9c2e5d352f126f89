package autoscaler

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/raywasm/raywasm/spec"
)

// Status is what one round saw and decided. As JSON it is for programs; [Status.String] is for people.
type Status struct {
	At       time.Time     `json:"at"`
	Active   []TypeCount   `json:"active"`
	Idle     []TypeCount   `json:"idle"`
	Pending  []Instance    `json:"pending"` // from the request to the node's joining, and queued ones
	Leaving  []Instance    `json:"leaving"`
	Failures []Failure     `json:"failures"` // newest first
	Usage    []Usage       `json:"usage"`
	Floor    []DemandCount `json:"floor"`
	Demands  []DemandCount `json:"demands"`
	Unmet    []Unmet       `json:"unmet"`
}

// TypeCount is a number of nodes of one type.
type TypeCount struct {
	Type  string `json:"type"`
	Count int    `json:"count"`
}

// Usage is how much of one resource is in use. Memory is in bytes, everything else in whole units.
type Usage struct {
	Resource     string  `json:"resource"`
	Used         float64 `json:"used"` // what groups have reserved counts only where it is used
	Total        float64 `json:"total"`
	Reserved     float64 `json:"reserved,omitempty"` // by placement groups
	ReservedUsed float64 `json:"reserved_used,omitempty"`
}

// DemandCount is a number of equal demands.
type DemandCount struct {
	Shape string `json:"shape"` // {'CPU': 1.0}
	Count int    `json:"count"`
	Group bool   `json:"group,omitempty"` // of a placement group
}

// maxListed bounds the lines of a section of the text, and the demands of the struct.
const maxListed = 100

// report makes the status.
func (r *round) report() Status {
	s := Status{At: r.now, Unmet: r.unmet[:min(len(r.unmet), maxListed)], Failures: slices.Clone(r.failures)}
	slices.Reverse(s.Failures)
	active, idle := make(map[string]int), make(map[string]int)
	nodes := slices.Clone(r.static)
	for _, inst := range r.instances {
		switch {
		case inst.State == RayRunning:
			nodes = append(nodes, inst.node)
		case inst.State.leaving():
			s.Leaving = append(s.Leaving, *inst)
		default:
			s.Pending = append(s.Pending, *inst)
		}
	}
	for _, n := range nodes {
		if n.idle() && !n.Head {
			idle[n.Type]++
		} else {
			active[n.Type]++
		}
	}
	s.Active, s.Idle = typeCounts(active), typeCounts(idle)
	s.Usage = usage(r.in.Nodes)
	s.Floor = demandCounts(r.in.Floor, nil)
	s.Demands = demandCounts(r.in.Demands, r.in.Groups[:min(len(r.in.Groups), MaxGroups)])
	return s
}

func typeCounts(byType map[string]int) []TypeCount {
	var counts []TypeCount
	for _, name := range slices.Sorted(maps.Keys(byType)) {
		counts = append(counts, TypeCount{name, byType[name]})
	}
	return counts
}

// demandCounts collapses equal demands; most first.
func demandCounts(demands []Demand, groups []Group) []DemandCount {
	byShape := make(map[DemandCount]int)
	for i := range demands {
		if d := &demands[i]; d.Count > 0 {
			byShape[DemandCount{Shape: describe(&d.Need, only(d.Select))}] += d.Count
		}
	}
	for i := range groups {
		byShape[DemandCount{Shape: describeGroup(&groups[i]), Group: true}]++
	}
	all := make([]DemandCount, 0, len(byShape))
	for d, n := range byShape {
		d.Count = n
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b DemandCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Shape, b.Shape), compareBools(a.Group, b.Group))
	})
	return all[:min(len(all), maxListed)]
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// usage adds up what the nodes have and use. Free does not have what groups reserved, so that of what is not free only the
// used part of the reservations is in use.
func usage(nodes []Node) []Usage {
	var total, free, reserved, used spec.Resources
	for i := range nodes {
		n := &nodes[i]
		total, free = plus(total, n.Total, 1), plus(free, n.Free, 1)
		reserved, used = plus(reserved, n.Reserved, 1), plus(used, n.ReservedUsed, 1)
	}
	var all []Usage
	for _, name := range append([]string{"CPU", "GPU", "memory"}, slices.Sorted(maps.Keys(total.Custom))...) {
		if t := amountOf(&total, name); t > 0 {
			u := Usage{Resource: name, Total: t, Reserved: amountOf(&reserved, name), ReservedUsed: amountOf(&used, name)}
			u.Used = max(0, t-amountOf(&free, name)-u.Reserved+u.ReservedUsed)
			all = append(all, u)
		}
	}
	return all
}

func amountOf(r *spec.Resources, name string) float64 {
	switch name {
	case "CPU":
		return r.CPU.Float()
	case "GPU":
		return r.GPU.Float()
	case "memory":
		return float64(r.Memory)
	}
	return r.Custom[name].Float()
}

// String prints the status as `ray status` does.
func (s Status) String() string {
	var b strings.Builder
	rule := strings.Repeat("-", 63)
	fmt.Fprintf(&b, "======== Autoscaler status: %s ========\n", s.At.UTC().Format("2006-01-02 15:04:05.000"))
	fmt.Fprintf(&b, "Node status\n%s\n", rule)
	section(&b, "Active", "(no active nodes)", s.Active, func(t TypeCount) string { return strconv.Itoa(t.Count) + " " + t.Type })
	section(&b, "Idle", "(no idle nodes)", s.Idle, func(t TypeCount) string { return strconv.Itoa(t.Count) + " " + t.Type })
	section(&b, "Pending", "(no pending nodes)", s.Pending, instanceLine)
	if len(s.Leaving) > 0 {
		section(&b, "Leaving", "", s.Leaving, instanceLine)
	}
	section(&b, "Recent failures", "(no failures)", s.Failures, func(f Failure) string {
		return f.Type + ": " + f.Detail + " (" + string(f.ID) + ", " + f.At.UTC().Format("15:04:05") + ")"
	})
	fmt.Fprintf(&b, "\nResources\n%s\n", rule)
	section(&b, "Usage", "(no resources)", s.Usage, usageLine)
	section(&b, "From request_resources", "(none)", s.Floor, func(d DemandCount) string {
		return d.Shape + ": " + strconv.Itoa(d.Count) + " from request_resources()"
	})
	section(&b, "Demands", "(no resource demands)", s.Demands, func(d DemandCount) string {
		if d.Group {
			return d.Shape + ": " + strconv.Itoa(d.Count) + "+ pending placement groups"
		}
		return d.Shape + ": " + strconv.Itoa(d.Count) + "+ pending tasks/actors"
	})
	if len(s.Unmet) > 0 {
		section(&b, "Not met", "", s.Unmet, func(u Unmet) string {
			what := u.Shape
			if u.Group != "" {
				what = "placement group " + u.Group
			}
			return strings.TrimPrefix(what+" x "+strconv.Itoa(u.Count)+": ", " x ") + u.Text + " (" + string(u.Why) + ")"
		})
	}
	return b.String()
}

func section[T any](b *strings.Builder, title, none string, all []T, line func(T) string) {
	b.WriteString(title + ":\n")
	if len(all) == 0 {
		b.WriteString(" " + none + "\n")
	}
	for _, one := range all[:min(len(all), maxListed)] {
		b.WriteString(" " + line(one) + "\n")
	}
	if more := len(all) - maxListed; more > 0 {
		b.WriteString(" ... and " + strconv.Itoa(more) + " more\n")
	}
}

func instanceLine(i Instance) string {
	line := string(i.ID) + ": " + i.Type + ", " + i.State.String()
	if i.Reason != "" {
		line += " (" + string(i.Reason) + ")"
	}
	if i.Detail != "" {
		line += ": " + i.Detail
	}
	return line
}

func usageLine(u Usage) string {
	if u.Resource == "memory" {
		line := spec.FormatBytes(int64(u.Used)) + "/" + spec.FormatBytes(int64(u.Total)) + " memory"
		if u.Reserved > 0 {
			line += " (" + spec.FormatBytes(int64(u.ReservedUsed)) + " used of " + spec.FormatBytes(int64(u.Reserved)) + " reserved in placement groups)"
		}
		return line
	}
	line := pythonFloat(u.Used) + "/" + pythonFloat(u.Total) + " " + u.Resource
	if u.Reserved > 0 {
		line += " (" + pythonFloat(u.ReservedUsed) + " used of " + pythonFloat(u.Reserved) + " reserved in placement groups)"
	}
	return line
}

// pythonDict prints resources as Python prints Ray's: {'CPU': 1.0, 'memory': 1073741824.0}.
func pythonDict(r *spec.Resources) string {
	var parts []string
	for _, name := range append([]string{"CPU", "GPU", "memory"}, slices.Sorted(maps.Keys(r.Custom))...) {
		if n := amountOf(r, name); n != 0 {
			parts = append(parts, "'"+name+"': "+pythonFloat(n))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func pythonFloat(n float64) string {
	text := strconv.FormatFloat(n, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}
