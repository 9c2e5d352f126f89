package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// Targets: an object in place in a millisecond, whatever its size; and a put at 80 % of memmove.
const (
	inPlaceTarget = 1e-3
	putTarget     = 1 / 0.8
)

// objectSuite measures large objects, and many of them: read in place and by a copy, made in place and put, in a Go guest
// and in the host.
func objectSuite(ctx context.Context, l *lab) (rows []row, err error) {
	node, err := host.Open(ctx, host.Config{CacheDir: l.cacheDir(), ObjectStoreMemory: max(l.largest, l.large) * 5 / 4})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, node.Close()) }()
	module, err := node.Load(ctx, l.program().wasm)
	if err != nil {
		return nil, err
	}
	job, err := node.NewJob(ctx, host.JobConfig{Module: module})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, job.Close()) }()
	o := &objects{l, node, job}
	for _, part := range []func(context.Context) ([]row, error){o.reads, o.makes, o.many, o.one} {
		more, err := part(ctx)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

type objects struct {
	*lab
	node *host.Node
	job  *host.Job
}

// idle waits until what calls have used is given back, which goes on when their results are there.
func (o *objects) idle() {
	for u := o.node.Usage(); u.Free.CPU != u.Total.CPU; u = o.node.Usage() {
		time.Sleep(time.Millisecond)
	}
}

// nanos calls a function of the guest that returns how long something took.
func (o *objects) nanos(ctx context.Context, function string, memory int64, args ...any) (time.Duration, error) {
	o.idle()
	refs, err := o.job.Submit(ctx, function, spec.TaskOptions{Memory: &memory}, args...)
	if err != nil {
		return 0, err
	}
	defer refs[0].Release()
	n, err := host.Get[int64](ctx, refs[0])
	return time.Duration(n), err
}

// roundsOf is how often something of that size is measured.
func (o *objects) roundsOf(size int64) int {
	if size > 64*spec.MiB {
		return min(o.rounds, 3)
	}
	return o.rounds
}

// turns measures ways to do the same thing in turns, rounds times.
func turns(rounds int, group string, names []string, run func(name string) (time.Duration, error)) ([]row, error) {
	samples := make([][]float64, len(names))
	for range rounds {
		for i, name := range names {
			took, err := run(name)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", group, name, err)
			}
			samples[i] = append(samples[i], took.Seconds())
		}
	}
	rows := make([]row, len(names))
	for i, name := range names {
		rows[i] = newRow(group, name, inSeconds, samples[i]).against(samples[0], samples[i])
	}
	return rows, nil
}

// reads measures a get in place against a copy.
func (o *objects) reads(ctx context.Context) (rows []row, err error) {
	for _, size := range []int64{min(o.large, 16*spec.MiB), o.large} {
		r, err := o.made(ctx, size)
		if err != nil {
			return nil, err
		}
		ways := []string{"copy", "in place", "in place, a byte of each page"}
		inGuest, err := turns(o.roundsOf(size), "get of "+spec.FormatBytes(size)+" in a Go guest", ways, func(way string) (time.Duration, error) {
			return o.nanos(ctx, "readObject", size*2+spec.GiB/2, []*host.Ref{r}, size, way)
		})
		if err != nil {
			return nil, err
		}
		inGuest[1] = inGuest[1].aim(inPlaceTarget)
		inHost, err := turns(o.roundsOf(size), "get of "+spec.FormatBytes(size)+" in the host", ways[:2], func(way string) (time.Duration, error) {
			begin := time.Now()
			if way == "copy" {
				_, err := host.Get[[]byte](ctx, r)
				return time.Since(begin), err
			}
			v, err := host.ViewOf[[]byte](ctx, r)
			if err != nil {
				return 0, err
			}
			v.Release()
			return time.Since(begin), nil
		})
		if err != nil {
			return nil, err
		}
		inHost[1] = inHost[1].aim(inPlaceTarget)
		r.Release()
		rows = append(append(rows, inGuest...), inHost...)
	}
	return rows, nil
}

// made makes an object in which every page was written.
func (o *objects) made(ctx context.Context, size int64) (*host.Ref, error) {
	d, err := host.NewDraft[[]byte](ctx, o.job, int(size))
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(d.Data()); i += os.Getpagesize() {
		d.Data()[i] = byte(i)
	}
	return d.Seal()
}

// makes measures an object that is made in place, and one that is put, against memmove.
func (o *objects) makes(ctx context.Context) (rows []row, err error) {
	for _, size := range []int64{spec.KiB, 100 * spec.KiB, min(o.large, spec.MiB), o.large} {
		times := max(1, min(1000, 16*spec.MiB/size))
		of := spec.FormatBytes(size)
		inGuest, err := turns(o.roundsOf(size), "put of "+of+" in a Go guest", []string{"memmove", "made in place", "put"}, func(way string) (time.Duration, error) {
			return o.nanos(ctx, "makeObject", min(4*size+spec.GiB/4, spec.MaxSandboxMemory), size, times, way)
		})
		if err != nil {
			return nil, err
		}
		data, to := make([]byte, size), make([]byte, size)
		copy(to, data) // so that its pages are there
		inHost, err := turns(o.roundsOf(size), "put of "+of+" in the host", []string{"memmove", "made in place", "put"}, func(way string) (time.Duration, error) {
			begin := time.Now()
			for range times {
				if err := o.makeInHost(ctx, way, to, data); err != nil {
					return 0, err
				}
			}
			return time.Since(begin) / time.Duration(times), nil
		})
		if err != nil {
			return nil, err
		}
		for _, group := range [][]row{inGuest, inHost} {
			for i := range group[1:] {
				group[i+1] = group[i+1].aim(putTarget * group[0].Median)
			}
			rows = append(rows, group...)
		}
	}
	return rows, nil
}

func (o *objects) makeInHost(ctx context.Context, way string, to, data []byte) (err error) {
	var r *host.Ref
	switch way {
	case "memmove":
		copy(to, data)
		return nil
	case "put":
		r, err = o.job.Put(ctx, data)
	default:
		d, derr := host.NewDraft[[]byte](ctx, o.job, len(data))
		if derr != nil {
			return derr
		}
		copy(d.Data(), data)
		r, err = d.Seal()
	}
	if err == nil {
		r.Release()
	}
	return err
}

// many measures many objects in one get, many refs as arguments, and many results.
func (o *objects) many(ctx context.Context) (rows []row, err error) {
	group := "many objects"
	one := func(name string, run func() (time.Duration, error)) error {
		more, err := turns(o.rounds, group, []string{name}, func(string) (time.Duration, error) { return run() })
		if err == nil {
			more[0].Ratio = 0 // they are not alike
			rows = append(rows, more...)
		}
		return err
	}
	err = one(fmt.Sprintf("%d objects in one get, in a Go guest", o.refs), func() (time.Duration, error) {
		return o.nanos(ctx, "getMany", spec.GiB, o.refs)
	})
	if err != nil {
		return nil, err
	}
	wasm, err := o.compileMany(ctx)
	if err != nil || wasm == nil {
		return rows, err
	}
	module, err := o.node.Load(ctx, wasm)
	if err != nil {
		return nil, err
	}
	job, err := o.node.NewJob(ctx, host.JobConfig{Module: module})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, job.Close()) }()
	args := make([]any, o.refs)
	for i := range args {
		if args[i], err = job.Put(ctx, i); err != nil {
			return nil, err
		}
	}
	err = one(fmt.Sprintf("%d refs as arguments of a C guest", o.refs), func() (time.Duration, error) {
		begin := time.Now()
		n, err := host.Call[int](ctx, job, "args", args...)
		if err == nil && n != len(args) {
			err = fmt.Errorf("it has %d arguments", n)
		}
		return time.Since(begin), err
	})
	if err != nil {
		return nil, err
	}
	returns := int32(o.returns)
	err = one(fmt.Sprintf("%d results of a C guest", returns), func() (time.Duration, error) {
		begin := time.Now()
		refs, err := job.Submit(ctx, "results", spec.TaskOptions{Returns: &returns}, int(returns))
		for _, r := range refs {
			if err == nil {
				_, err = host.Get[int](ctx, r)
			}
			r.Release()
		}
		return time.Since(begin), err
	})
	return rows, err
}

// compileMany builds the C guest; nil without clang.
func (o *objects) compileMany(ctx context.Context) ([]byte, error) {
	if _, err := exec.LookPath(clang); err != nil {
		o.note("no guest with many arguments: install clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32")
		return nil, nil
	}
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/raywasm/raywasm").Output()
	if err != nil {
		return nil, fmt.Errorf("find the sources: %w", err)
	}
	source := filepath.Join(strings.TrimSpace(string(root)), "bench", "guests", "c", "many.c")
	out := o.path("many")
	build := exec.CommandContext(ctx, clang, "--target=wasm32-wasi", "-mexec-model=reactor", "-O2", "-o", out, source)
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the guest with many arguments: %w\n%s", err, text)
	}
	return os.ReadFile(out)
}

// one measures an object of which a machine has few: made, viewed and read in the host. A guest's memory has 4 GiB.
func (o *objects) one(ctx context.Context) ([]row, error) {
	group := "one object of " + spec.FormatBytes(o.largest) + " in the host"
	begin := time.Now()
	r, err := o.made(ctx, o.largest)
	if err != nil {
		return nil, err
	}
	defer r.Release()
	made := time.Since(begin)
	begin = time.Now()
	v, err := host.ViewOf[[]byte](ctx, r)
	if err != nil {
		return nil, err
	}
	defer v.Release()
	viewed := time.Since(begin)
	begin = time.Now()
	sum := 0
	for i := 0; i < len(v.Data()); i += os.Getpagesize() {
		sum += int(v.Data()[i])
	}
	read := time.Since(begin)
	if int64(len(v.Data())) != o.largest || sum < 0 {
		return nil, fmt.Errorf("it has %d bytes", len(v.Data()))
	}
	return []row{
		newRow(group, "made in place, a byte of each page", inSeconds, []float64{made.Seconds()}),
		newRow(group, "viewed", inSeconds, []float64{viewed.Seconds()}).aim(inPlaceTarget),
		newRow(group, "a byte of each page read", inSeconds, []float64{read.Seconds()}),
	}, nil
}
