//go:build wasip1

package ray

import (
	"os"
	"runtime"
	_ "unsafe" // for go:linkname

	"github.com/raywasm/raywasm/spec"
)

//go:wasmexport ray_call
func exportCall(kind, nargs int32) int32 {
	readEnvironment()
	return serve(spec.CallKind(kind), int(nargs))
}

//go:wasmexport ray_start
func exportStart(call, nargs int32) int32 {
	readEnvironment()
	return start(uint32(call), int(nargs))
}

//go:wasmexport ray_resume
func exportResume(events int32) int32 { return resume(int(events)) }

//go:wasmexport ray_describe
func exportDescribe() int32 {
	os.Args = worker
	status := describe()
	// No sandbox of the image is to collect what was left of this, however much it was, nor to find its allocator as a collection
	// leaves it: then each changes more pages, and a parked actor is larger.
	runtime.GC()
	warm(registry.entries)
	return status
}

//go:wasmexport ray_main
func exportMain() int32 {
	readArguments()
	readEnvironment()
	return drive(mainMain, os.Stderr)
}

// mainMain is the main function of the program that imports this package. In a module built with -buildmode=c-shared
// nobody else calls it; main_wasip1.s is there because a function without a body needs an assembly file beside it.
//
//go:linkname mainMain main.main
func mainMain()
