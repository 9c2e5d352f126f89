package main_test

import (
	"testing"

	"github.com/raywasm/raywasm/examples/internal/exampletest"
	"github.com/raywasm/raywasm/host"
)

func TestSerialize(t *testing.T) {
	got := exampletest.Open(t, host.Config{}).Run(t, host.JobConfig{})
	const want = `5-5, as it fails: put: a main.Bad cannot be encoded: cbor: unsupported type: main.Bad (Unserializable)
a main.Bad cannot be serialized:
  value.Jobs (chan func()): a channel means something in its own program only; pass a ref or an actor handle
5-5: hello boo, hello boris, from a pool of 5
5-6, put and got: hello boo, hello boris, from a pool of 5
5-6: hello boo, hello boris, from a pool of 5
`
	if got.Status != 0 || got.Stdout != want {
		t.Errorf("status %d, stdout\n%s\nwant\n%s\nstderr %s", got.Status, got.Stdout, want, got.Stderr)
	}
}
