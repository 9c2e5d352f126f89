package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// unit is what a row's numbers are.
type unit string

const (
	inSeconds unit = "s"
	inBytes   unit = "B"
	ratio     unit = "x"
)

// row is one line of the report. The rows of a group are about the same thing and may be compared.
type row struct {
	Suite   string  `json:"suite"`
	Group   string  `json:"group"`
	Name    string  `json:"name"`
	Unit    unit    `json:"unit"`
	Median  float64 `json:"median"`
	Min     float64 `json:"min"`
	Max     float64 `json:"max"`
	P90     float64 `json:"p90"`
	P99     float64 `json:"p99"`
	Samples int     `json:"samples"`
	Ratio   float64 `json:"ratio,omitempty"`  // to the first row of the group
	Target  float64 `json:"target,omitempty"` // at most this, in the row's unit
	OfMax   bool    `json:"target_is_for_max,omitempty"`
	Met     bool    `json:"met,omitempty"`
}

func newRow(group, name string, u unit, samples []float64) row {
	sorted := slices.Sorted(slices.Values(samples))
	return row{Group: group, Name: name, Unit: u, Median: median(sorted), Min: sorted[0], Max: sorted[len(sorted)-1], P90: quantile(sorted, 0.9), P99: quantile(sorted, 0.99), Samples: len(sorted)}
}

// against adds the ratio to a peer measured in the same rounds: the median of the rounds' ratios.
func (r row) against(peer, mine []float64) row {
	ratios := make([]float64, len(mine))
	for i := range mine {
		ratios[i] = mine[i] / peer[i]
	}
	slices.Sort(ratios)
	r.Ratio = median(ratios)
	return r
}

// aim adds a target for the median.
func (r row) aim(target float64) row {
	r.Target, r.Met = target, r.Median <= target
	return r
}

// aimMax adds a target for the worst sample.
func (r row) aimMax(target float64) row {
	r.Target, r.OfMax, r.Met = target, true, r.Max <= target
	return r
}

// median is the middle of sorted numbers.
func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// quantile is the smallest of sorted numbers that is no less than such a part of them.
func quantile(sorted []float64, part float64) float64 {
	return sorted[int(math.Ceil(part*float64(len(sorted))))-1]
}

// report is a run.
type report struct {
	Machine machine `json:"machine"`
	Rows    []row   `json:"rows"`
}

func (r report) print(w io.Writer, format string) error {
	if format == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	if _, err := fmt.Fprintln(w, r.Machine); err != nil {
		return err
	}
	for first := range r.Rows {
		if first > 0 && r.Rows[first].heading() == r.Rows[first-1].heading() {
			continue
		}
		if err := printGroup(w, r.Rows[first:]); err != nil {
			return err
		}
	}
	return nil
}

func (r row) heading() string { return r.Suite + ": " + r.Group }

// manySamples is from how many on the tail of their distribution says something.
const manySamples = 100

// printGroup prints the rows of the group that begins with the first.
func printGroup(w io.Writer, rows []row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	tails := rows[0].Samples >= manySamples
	columns := "median\tmin..max\tratio\ttarget"
	if tails {
		columns = "median\tmin..max\tp90\tp99\tratio\ttarget"
	}
	fmt.Fprintf(t, "\n%s\t%s\n", rows[0].heading(), columns)
	for _, r := range rows {
		if r.heading() != rows[0].heading() {
			break
		}
		spread := r.spread()
		if tails {
			spread += "\t" + r.Unit.format(r.P90) + "\t" + r.Unit.format(r.P99)
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\n", r.Name, r.Unit.format(r.Median), spread, r.ratioText(), r.targetText())
	}
	return t.Flush()
}

func (r row) spread() string {
	if r.Samples == 1 {
		return ""
	}
	return r.Unit.format(r.Min) + ".." + r.Unit.format(r.Max)
}

func (r row) ratioText() string {
	switch {
	case r.Ratio == 0:
		return ""
	case r.Ratio < 0.095:
		return "1/" + digits(1/r.Ratio)
	}
	return digits(r.Ratio)
}

func (r row) targetText() string {
	if r.Target == 0 {
		return ""
	}
	text := "<= " + r.Unit.format(r.Target)
	if r.OfMax {
		text += " at most"
	}
	if r.Met {
		return text + ": met"
	}
	return text + ": not met"
}

// scale is a multiple of a unit.
type scale struct {
	factor float64
	name   string
}

var scales = map[unit][]scale{ // largest first
	inSeconds: {{1, "s"}, {1e-3, "ms"}, {1e-6, "µs"}, {1e-9, "ns"}},
	inBytes:   {{1e9, "GB"}, {1e6, "MB"}, {1e3, "KB"}, {1, "B"}},
	ratio:     {{1, ""}},
}

// format prints a number of that unit with three digits.
func (u unit) format(v float64) string {
	all := scales[u]
	for _, s := range all {
		if v >= s.factor {
			return strings.TrimSpace(digits(v/s.factor) + " " + s.name)
		}
	}
	last := all[len(all)-1]
	return strings.TrimSpace(digits(v/last.factor) + " " + last.name)
}

// digits prints three significant digits.
func digits(v float64) string {
	switch {
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}
