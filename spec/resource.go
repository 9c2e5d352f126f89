package spec

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Quantity is an amount of a resource in fixed point, in units of 1e-4: Ray's precision. One CPU is [Unit].
type Quantity int64

// Unit is a quantity of one.
const Unit Quantity = 10_000

// Q returns n as a Quantity. It is an error (InvalidArgument) for n to be negative, not a number, beyond 2^40, or
// finer than 1e-4.
func Q(n float64) (Quantity, error) {
	scaled := n * float64(Unit)
	q := math.Round(scaled)
	rounding := max(min(1e-6*max(1, q), 0.01), q*0x1p-52) // what arithmetic on floats may have left of a round number
	switch {
	case !(n >= 0) || n > 1<<40:
		return 0, Errorf("read a quantity", InvalidArgument, "", "%v is not between 0 and 2^40", n)
	case math.Abs(scaled-q) > rounding:
		return 0, Errorf("read a quantity", InvalidArgument, "", "%v is finer than 0.0001", n)
	}
	return Quantity(q), nil
}

// Float returns q in whole units.
func (q Quantity) Float() float64 { return float64(q) / float64(Unit) }

// String prints q in whole units without trailing zeros: "0.5", "2".
func (q Quantity) String() string { return strconv.FormatFloat(q.Float(), 'f', -1, 64) }

// Resources is an amount of each kind of resource. The zero value asks for nothing.
type Resources struct {
	CPU    Quantity            `cbor:"1,keyasint,omitempty"`
	GPU    Quantity            `cbor:"2,keyasint,omitempty"`
	Memory int64               `cbor:"3,keyasint,omitempty"` // bytes
	Custom map[string]Quantity `cbor:"4,keyasint,omitempty"` // by name; never "CPU", "GPU" or "memory"
}

// Check reports what is malformed in r: a negative amount, a GPU amount above one that is not whole, a reserved or
// overlong name, too many kinds.
func (r Resources) Check() error {
	const op = "check resources"
	switch {
	case r.CPU < 0:
		return Errorf(op, InvalidArgument, "CPU", "%v is negative", r.CPU)
	case r.GPU < 0:
		return Errorf(op, InvalidArgument, "GPU", "%v is negative", r.GPU)
	case r.GPU > Unit && r.GPU%Unit != 0:
		return Errorf(op, InvalidArgument, "GPU", "%v is above 1 and not whole", r.GPU)
	case r.Memory < 0:
		return Errorf(op, InvalidArgument, "memory", "%d bytes is negative", r.Memory)
	case len(r.Custom) > MaxResourceKinds:
		return Errorf(op, LimitExceeded, "", "%d custom resources, at most %d", len(r.Custom), MaxResourceKinds)
	case len(r.Custom) == 0:
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(r.Custom)) {
		switch {
		case name == "" || len(name) > MaxNameBytes:
			return Errorf(op, InvalidArgument, "", "a custom resource's name has 1 to %d bytes", MaxNameBytes)
		case name == "CPU" || name == "GPU" || name == "memory":
			return Errorf(op, InvalidArgument, name, "is not a custom resource: use the cpus, gpus or memory option")
		case r.Custom[name] < 0:
			return Errorf(op, InvalidArgument, name, "%v is negative", r.Custom[name])
		}
	}
	return nil
}

// IsZero reports whether r asks for nothing.
func (r Resources) IsZero() bool {
	return r.CPU == 0 && r.GPU == 0 && r.Memory == 0 && len(r.Custom) == 0
}

// String prints r as Ray's status does: {CPU: 1, memory: 500 MiB, x86: 1}.
func (r Resources) String() string {
	var parts []string
	if r.CPU != 0 {
		parts = append(parts, "CPU: "+r.CPU.String())
	}
	if r.GPU != 0 {
		parts = append(parts, "GPU: "+r.GPU.String())
	}
	if r.Memory != 0 {
		parts = append(parts, "memory: "+FormatBytes(r.Memory))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Custom)) {
		parts = append(parts, name+": "+r.Custom[name].String())
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// byteUnits are the suffixes that ParseBytes reads, largest first as FormatBytes prefers.
var byteUnits = []struct {
	suffix string
	size   int64
}{{"TiB", 1 << 40}, {"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB}}

// FormatBytes prints n with the largest binary unit that divides it to at most one decimal: "1.5 GiB", "100 KiB".
func FormatBytes(n int64) string {
	for _, u := range byteUnits {
		if n >= u.size {
			return strconv.FormatFloat(math.Round(float64(n)/float64(u.size)*10)/10, 'f', -1, 64) + " " + u.suffix
		}
	}
	return strconv.FormatInt(n, 10) + " B"
}

// ParseBytes reads "1536", "1.5GiB", "100 MiB", "2G" or "500M" (G, M, K mean binary units here) as bytes.
func ParseBytes(s string) (int64, error) {
	text := strings.TrimSpace(s)
	size := int64(1)
	for _, u := range byteUnits {
		found := false
		for _, suffix := range []string{u.suffix, u.suffix[:1] + "B", u.suffix[:1]} {
			if rest, ok := strings.CutSuffix(text, suffix); ok {
				text, size, found = strings.TrimSpace(rest), u.size, true
				break
			}
		}
		if found {
			break
		}
	}
	if size == 1 {
		text = strings.TrimSpace(strings.TrimSuffix(text, "B"))
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n >= 0) || n*float64(size) > 1<<60 {
		return 0, &Error{Op: "read a size", Kind: InvalidArgument, ID: strconv.Quote(s),
			Err: fmt.Errorf("want a number of bytes such as 500MiB or 2GiB")}
	}
	return int64(n * float64(size)), nil
}
