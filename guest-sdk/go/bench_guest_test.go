//go:build !wasip1

package ray

import (
	"context"
	"encoding/binary"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/raywasm/raywasm/spec"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// quietImports offers module ray_v1 at the least possible cost: every call has the same name and arguments, and results
// are dropped. It counts the calls.
type quietImports struct {
	name  []byte
	args  [][]byte
	calls int
}

func (q *quietImports) offer(ctx context.Context, r wazero.Runtime) error {
	i32, i64 := api.ValueTypeI32, api.ValueTypeI64
	i32s := func(n int) (types []api.ValueType) {
		for range n {
			types = append(types, i32)
		}
		return types
	}
	b := r.NewHostModuleBuilder(spec.ABIModule)
	add := func(name string, params []api.ValueType, result api.ValueType, f func(m api.Module, stack []uint64)) {
		b.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(_ context.Context, m api.Module, stack []uint64) {
			q.calls++
			f(m, stack)
		}), params, []api.ValueType{result}).Export(name)
	}
	ok := func(_ api.Module, stack []uint64) { stack[0] = 0 }
	write := func(m api.Module, ptr uint64, b []byte) uint64 {
		m.Memory().Write(uint32(ptr), b)
		return uint64(len(b))
	}
	add("name", i32s(2), i32, func(m api.Module, s []uint64) { s[0] = write(m, s[0], q.name) })
	add("frame", i32s(2), i64, func(m api.Module, s []uint64) {
		b := append(binary.LittleEndian.AppendUint32(nil, uint32(len(q.name))), q.name...)
		for _, a := range q.args {
			b = append(binary.LittleEndian.AppendUint32(b, uint32(len(a))), a...)
		}
		s[0] = write(m, s[0], b)
	})
	add("get_value", []api.ValueType{i32, i64, i32, i32}, i64, func(m api.Module, s []uint64) { s[0] = write(m, s[2], q.args[0]) })
	add("arg", i32s(1), i32, func(_ api.Module, s []uint64) {})
	add("size", i32s(1), i64, func(_ api.Module, s []uint64) { s[0] = uint64(len(q.args[uint32(s[0])])) })
	add("read", []api.ValueType{i32, i64, i32, i32}, i32, func(m api.Module, s []uint64) {
		rest := q.args[uint32(s[0])][s[1]:]
		s[0] = write(m, s[2], rest[:min(int(uint32(s[3])), len(rest))])
	})
	add("view", []api.ValueType{i32, i64, i32}, i64, func(_ api.Module, s []uint64) { s[0] = 0 })
	for name, params := range map[string][]api.ValueType{
		"links": i32s(3), "pieces": i32s(2), "ret": i32s(4), "fail": i32s(2), "put": i32s(4), "get": {i32, i32, i64},
		"wait": {i32, i32, i32, i64, i32}, "pass_value": i32s(4), "pass_ref": i32s(1), "submit": i32s(6),
		"actor_create": i32s(4), "actor_call": i32s(7), "actor_find": i32s(4), "actor_kill": i32s(2), "cancel": i32s(2),
		"group_create": i32s(4), "group_find": i32s(6), "group_table": i32s(4), "group_ready": i32s(2), "group_remove": i32s(2),
		"yield": i32s(4), "next": {i32, i64}, "actor_terminate": i32s(1), "actor_exit": nil,
		"serve": i32s(1), "done": i32s(1), "await": {i32, i32, i32, i64, i32}, "events": i32s(2),
		"draft": i32s(2), "seal": i32s(1), "unview": i32s(1),
		"release": i32s(1), "log": i32s(3), "self": i32s(2), "resources": i32s(2), "error": i32s(2),
	} {
		add(name, params, i32, ok)
	}
	_, err := b.Instantiate(ctx)
	return err
}

// BenchmarkGuest measures a call served in WebAssembly: by an instance that has served before ("warm"), and the first
// call of an instance ("first"). cpu-ns/op is the processor's time, for machines that are shared.
func BenchmarkGuest(b *testing.B) {
	if testing.Short() {
		b.Skip("builds a WebAssembly module")
	}
	wasm, err := sample()
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCompilationCache(compiled))
	defer r.Close(ctx)
	wasi_snapshot_preview1.MustInstantiate(ctx, r)
	q := &quietImports{}
	if err := q.offer(ctx, r); err != nil {
		b.Fatal(err)
	}
	module, err := r.CompileModule(ctx, wasm)
	if err != nil {
		b.Fatal(err)
	}
	instance := func() api.Module {
		m, err := r.InstantiateModule(ctx, module, wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize").
			WithStderr(os.Stderr).WithEnv("MODE", "bench"))
		if err != nil {
			b.Fatal(err)
		}
		return m
	}
	b.Run("initialise", func(b *testing.B) {
		for b.Loop() {
			instance().Close(ctx)
		}
	})
	for _, c := range []struct {
		name string
		args []any
	}{
		{"add", []any{1, 1000}},
		{"move", []any{map[string]any{"X": 1, "Y": 2, "Tags": []string{"a"}}, 2.5}},
		{"countWords", []any{"to be or not to be"}},
	} {
		q.name, q.args = []byte(c.name), nil
		for _, a := range c.args {
			form, err := spec.Marshal(a)
			if err != nil {
				b.Fatal(err)
			}
			q.args = append(q.args, form)
		}
		call := func(fn api.Function) {
			if r, err := fn.Call(ctx, uint64(spec.CallFunction), uint64(len(c.args))); err != nil || r[0] != 0 {
				b.Fatal(r, err)
			}
		}
		b.Run("warm "+c.name, func(b *testing.B) {
			runtime.LockOSThread() // whose time is taken
			defer runtime.UnlockOSThread()
			m := instance()
			defer m.Close(ctx)
			fn := m.ExportedFunction(spec.ExportCall)
			call(fn)
			start := processorTime()
			q.calls = 0
			for b.Loop() {
				call(fn)
			}
			b.ReportMetric(float64(processorTime()-start)/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(q.calls)/float64(b.N), "hostcalls/op")
		})
		b.Run("first "+c.name, func(b *testing.B) {
			runtime.LockOSThread() // whose time is taken
			defer runtime.UnlockOSThread()
			var spent time.Duration
			for b.Loop() {
				b.StopTimer()
				m := instance()
				fn := m.ExportedFunction(spec.ExportCall)
				b.StartTimer()
				start := processorTime()
				call(fn)
				spent += processorTime() - start
				b.StopTimer()
				m.Close(ctx)
				b.StartTimer()
			}
			b.ReportMetric(float64(spent)/float64(b.N), "cpu-ns/op")
		})
	}
}

// processorTime is what the calling thread has used of the processor.
func processorTime() time.Duration {
	const thread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	if syscall.Getrusage(thread, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
