// Package ray is what the author of a Go program for raywasm sees: remote functions, actors and objects, typed.
//
//	package main
//
//	import (
//		"fmt"
//		"strings"
//
//		ray "github.com/raywasm/raywasm/guest-sdk/go"
//	)
//
//	func countWords(text string) (int, error) { return len(strings.Fields(text)), nil }
//
//	type Total struct{ words int }
//
//	func NewTotal() (*Total, error) { return &Total{}, nil }
//
//	func (t *Total) Add(words int) (int, error) {
//		t.words += words
//		return t.words, nil
//	}
//
//	var (
//		count  = ray.Remote1(countWords, ray.CPUs(0.5))
//		totals = ray.Actor0(NewTotal)
//		add    = ray.Method1((*Total).Add)
//	)
//
//	func main() {
//		total := totals.Remote()                                      // an actor
//		var sums []ray.Ref[int]
//		for _, text := range []string{"to be", "or not to be"} {
//			words := count.Remote(text)                               // runs elsewhere, at once
//			sums = append(sums, add.RemoteRefs(total, words))         // awaits words there, not here
//		}
//		all, err := ray.GetAll(sums)
//		fmt.Println(all, err) // [2 6] <nil>
//	}
//
// Build it with GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared, or let "raywasm submit DIR" do so. The one module
// is both the driver, where main runs, and the workers, where only the package-level variables are initialised before
// a function is called: so what is remote is made in package-level variables. They are initialised once, before the
// module's image is taken, from which every sandbox starts: there they find no arguments, no environment and no files, and
// clocks that stand still. Functions and main find all of it, but for the arguments, which are main's alone.
//
// Functions, constructors and methods have up to six arguments, a result and an error ([None] where there is no
// result). Arguments and results are encoded as CBOR by the rules of github.com/fxamacker/cbor: exported fields, cbor
// or json tags, MarshalCBOR. A type's own MarshalCBOR or UnmarshalCBOR must not call this package, which is busy then.
//
// Remote never fails on the spot: an error of the submission comes with the [Ref] or [Handle] it returns, and with all
// that is made of it, until Get tells. Errors are [Error] values with a [Kind] for errors.Is, and carry what the remote
// code said as a [Fault].
//
// Large objects need not be copied: [ViewOf] shows one where it lies, and [NewDraft] makes one there.
//
// Functions of other modules and languages are called by name: [Named], [ActorNamed], [MethodNamed].
//
// What it is not: it does no work of its own. Every function is a thin form of an import of the guest ABI (module ray_v1,
// see guest-sdk/abi.md). Outside raywasm, in a native build, everything compiles and every call fails with kind
// [Unsupported], so that tests can exercise the ordinary functions as such.
//
// Invariants:
//   - No id enters the guest: a Ref is a number that the host gave this sandbox, counted and given back.
//   - A call that panics fails; it does not end the sandbox. What another goroutine panics with does.
//   - Equal values are encoded to equal bytes.
package ray

//go:generate go run ./internal/gen
