// Package story reads the words of the scenario files that tests of the scheduling cores play: amounts of resources, labels,
// numbers and times. A word that means nothing ends the test.
//
//	CPU=1 GPU=0.5 memory=1GiB disk=3 zone:a
package story

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/raywasm/raywasm/spec"
)

// Lines plays the input of a story's command line by line, and returns the lines, each with what came of it.
func Lines(d *datadriven.TestData, play func(words []string) string) string {
	var trace strings.Builder
	for _, line := range strings.Split(strings.TrimSpace(d.Input), "\n") {
		trace.WriteString(line)
		if said := play(strings.Fields(line)); said != "" {
			trace.WriteString(" -> " + said)
		}
		trace.WriteByte('\n')
	}
	return trace.String()
}

// Arg returns the value of a command's argument.
func Arg(d *datadriven.TestData, name, otherwise string) string {
	for _, a := range d.CmdArgs {
		if a.Key == name {
			return strings.Join(a.Vals, ",")
		}
	}
	return otherwise
}

// Add sets an amount of a resource by its name.
func Add(t testing.TB, r *spec.Resources, name, amount string) {
	t.Helper()
	if name == "memory" {
		n, err := spec.ParseBytes(amount)
		if err != nil {
			t.Fatal(err)
		}
		r.Memory = n
		return
	}
	q, err := spec.Q(Number(t, amount))
	if err != nil {
		t.Fatal(err)
	}
	switch name {
	case "CPU":
		r.CPU = q
	case "GPU":
		r.GPU = q
	default:
		if r.Custom == nil {
			r.Custom = make(map[string]spec.Quantity)
		}
		r.Custom[name] = q
	}
}

// Label reads "zone:a".
func Label(word string) (key, value string) {
	key, value, _ = strings.Cut(word, ":")
	return key, value
}

// Number reads a number.
func Number(t testing.TB, word string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(word, 64)
	if err != nil {
		t.Fatalf("%q is no number", word)
	}
	return n
}

// Span reads a time such as 5m30s.
func Span(t testing.TB, word string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(word)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
