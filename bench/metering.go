package main

import (
	"context"
	"fmt"
	"math"
	"os/exec"
	"strconv"
	"strings"
)

// kernelPackage has programs that compute, in C and Go, and a benchmark that runs them natively, as guests, and as
// guests rewritten in several ways. That is reported here.
const kernelPackage = "github.com/raywasm/raywasm/runtime/wasmbin"

// metering runs the kernels' benchmark. Each figure in it is the ratio of shortest runs, taken in turns.
func metering(ctx context.Context, l *lab) ([]row, error) {
	pattern := "BenchmarkMetering$"
	if l.kernels != "" {
		pattern += "/^" + l.guests[1].name + "$/^(" + l.kernels + ")$" // C if there is a compiler, otherwise Go
	}
	cmd := exec.CommandContext(ctx, "go", "test", "-run=^$", "-bench="+pattern, "-benchtime=1x", kernelPackage)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%v: %w\n%s", cmd, err, out)
	}
	kernels := parseKernels(string(out))
	if len(kernels) == 0 {
		return nil, fmt.Errorf("%v: it measured nothing:\n%s", cmd, out)
	}
	var rows []row
	for _, w := range []struct {
		group, metric string
		target        float64
	}{
		{"as a node runs it / as it came", "all", 1.15},
		{"metered, depth limited / as it came", "metering", 0},
		{"natively / as it came", "native", 0},
	} {
		var all []float64
		for _, k := range kernels {
			slower := k.ratios[w.metric]
			all = append(all, slower)
			rows = append(rows, newRow("time of "+w.group, k.name, ratio, []float64{slower}))
		}
		mean := newRow("time of "+w.group, fmt.Sprintf("geometric mean of %d", len(all)), ratio, all)
		mean.Median = geometricMean(all)
		if w.target > 0 {
			mean = mean.aim(w.target)
		}
		rows = append(rows, mean)
	}
	return rows, nil
}

func geometricMean(ratios []float64) float64 {
	logs := 0.0
	for _, r := range ratios {
		logs += math.Log(r)
	}
	return math.Exp(logs / float64(len(ratios)))
}

// kernel is a program and the times it takes in other ways than as it came, over that.
type kernel struct {
	name   string
	ratios map[string]float64
}

// parseKernels reads the lines of a benchmark:
//
//	BenchmarkMetering/Go/sha-2  1  1503174 ns/op  1.103 all  1.111 metering  0.03664 native
//
// The means among them have no time of their own, and are left out.
func parseKernels(out string) (kernels []kernel) {
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "BenchmarkMetering/") || fields[3] != "ns/op" {
			continue
		}
		path := strings.TrimPrefix(fields[0], "BenchmarkMetering/")
		if i := strings.LastIndexByte(path, '-'); i > 0 {
			path = path[:i] // the number of CPUs
		}
		k := kernel{name: strings.ReplaceAll(path, "/", " "), ratios: make(map[string]float64)}
		for i := 4; i+1 < len(fields); i += 2 {
			if v, err := strconv.ParseFloat(fields[i], 64); err == nil {
				k.ratios[fields[i+1]] = v
			}
		}
		kernels = append(kernels, k)
	}
	return kernels
}
