// Command bench measures the system beside its peers in one run, and each figure against its target.
//
//	go run ./bench [--short] [--format text|json] [--cpuprofile FILE] [SUITE...]
//
// The suites, all of them by default, in this order:
//
//	sandbox    a fresh sandbox and a call; checkpoints, wake-ups, restores
//	metering   what metering costs programs that compute
//	deadlines  how late deadlines, timers and the garbage collector are while guests spin, and as a control a process that
//	           only sleeps meanwhile
//	actors     memory of a live idle actor, and how fast one answers
//	job        tasks and actor calls of a job; raywasm submit as a whole process
//	crowd      an object with 10,000 refs, 1,000 waits, 1,000 calls of an actor at once, 1,000,000 queued tasks
//	objects    objects of up to 8 GiB, read and made in place and by copies; 10,000 at once
//
// Ways to do the same thing are measured in turns, in rounds, and reported by the median, the extremes and the ratio to
// the first of them. docs/bench.md keeps a run with its machine and date. It runs in the repository: it builds its
// guests, and the command raywasm, with go build.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/pprof"
	"slices"
	"strings"
)

// suite is a part of the run that can be asked for by name.
type suite struct {
	name string
	run  func(ctx context.Context, l *lab) ([]row, error)
}

var suites = []suite{
	{"sandbox", sandboxes},
	{"metering", metering},
	{"deadlines", deadlines},
	{"actors", actors},
	{"job", jobs},
	{"crowd", crowds},
	{"objects", objectSuite},
}

func main() {
	if os.Getenv(sleeperVar) != "" {
		if err := beSleeper(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "bench: sleep:", err)
			os.Exit(1)
		}
		return
	}
	short := flag.Bool("short", false, "a run of under a minute, whose figures say little")
	format := flag.String("format", "text", "text or json")
	profile := flag.String("cpuprofile", "", "write a CPU profile of the run to this `FILE`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	p := fullPlan
	if *short {
		p = shortPlan
	}
	if err := run(ctx, os.Stdout, p, *format, *profile, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures and prints the suites of those names, all if there are none.
func run(ctx context.Context, w io.Writer, p plan, format, profile string, names []string) error {
	if format != "text" && format != "json" {
		return fmt.Errorf("--format %s: want text or json", format)
	}
	chosen, err := choose(names)
	if err != nil {
		return err
	}
	if profile != "" {
		stop, err := startProfile(profile)
		if err != nil {
			return err
		}
		defer stop()
	}
	r, err := measure(ctx, p, chosen, os.Stderr)
	if err != nil {
		return err
	}
	return r.print(w, format)
}

func choose(names []string) ([]suite, error) {
	if len(names) == 0 {
		return suites, nil
	}
	var chosen []suite
	for _, name := range names {
		i := slices.IndexFunc(suites, func(s suite) bool { return s.name == name })
		if i < 0 {
			var all []string
			for _, s := range suites {
				all = append(all, s.name)
			}
			return nil, fmt.Errorf("there is no suite %q: want %s", name, strings.Join(all, ", "))
		}
		chosen = append(chosen, suites[i])
	}
	return chosen, nil
}

func startProfile(path string) (stop func(), err error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		if err := f.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "bench: the profile is not complete:", err)
		}
	}, nil
}

// measure runs the suites and returns their rows.
func measure(ctx context.Context, p plan, chosen []suite, notes io.Writer) (r report, err error) {
	l, err := newLab(ctx, p, notes)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	r.Machine = thisMachine()
	for _, s := range chosen {
		l.note("suite %s", s.name)
		rows, err := s.run(ctx, l)
		if err != nil {
			return r, fmt.Errorf("suite %s: %w", s.name, err)
		}
		for i := range rows {
			rows[i].Suite = s.name
		}
		r.Rows = append(r.Rows, rows...)
	}
	return r, nil
}
