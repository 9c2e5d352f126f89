package local_test

import (
	"errors"
	"os/signal"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
	"github.com/raywasm/raywasm/store/local"
	"github.com/raywasm/raywasm/store/storetest"
)

// TestMemoryThatIsRefusedLeavesNothing: the system gives no more memory, nor a place on disk, which a limit on the size of
// files stands for.
func TestMemoryThatIsRefusedLeavesNothing(t *testing.T) {
	s := open(t, local.Config{Limit: storetest.Limit, FallbackDir: t.TempDir()})
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(unix.SIGXFSZ)
	defer signal.Reset(unix.SIGXFSZ)
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: spec.MiB, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	inMemory := store.Put(t.Context(), s, storetest.Object(1), storetest.Bytes(1, 3*spec.MiB), store.Primary)
	onDisk := store.Put(t.Context(), s, storetest.Object(2), storetest.Bytes(2, 2*storetest.Limit), store.Primary)
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(inMemory, spec.OutOfMemory) || onDisk == nil {
		t.Errorf("it ends with %v and %v", inMemory, onDisk)
	}
	if u := s.Usage(); u.Used != 0 || u.Drafts != 0 || u.Objects != 0 || u.Fallback != 0 {
		t.Errorf("it leaves %+v", u)
	}
	for n, size := range map[int]int{1: 3 * spec.MiB, 2: 2 * storetest.Limit} {
		if err := store.Put(t.Context(), s, storetest.Object(n), storetest.Bytes(n, size), store.Primary); err != nil {
			t.Errorf("when there is room again: %v", err)
		}
	}
}
