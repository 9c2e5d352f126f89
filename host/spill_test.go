package host_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store/spill"
)

// spilling is a node with little memory that spills to a directory.
func spilling(t *testing.T) (node *host.Node, module *host.Module, dir string) {
	dir = t.TempDir()
	node, module = open(t, host.Config{ObjectStoreMemory: 8 * spec.MiB, Spill: spill.Config{Directories: []string{dir}, Capacity: 1}})
	return node, module, dir
}

// noDiskUse waits until nothing is on disk any more: who releases an object does not wait for its file to be removed.
func noDiskUse(node *host.Node) {
	for node.Usage().Store.Disk > 0 {
		runtime.Gosched()
	}
}

// files returns the files below a directory that have bytes.
func files(t *testing.T, dir string) (names []string) {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() > 0 {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return names
}

func TestGuestsKeepMoreThanTheMemory(t *testing.T) {
	node, module, dir := spilling(t)
	j := job(t, node, host.JobConfig{Module: module})
	const size, count = spec.MiB / 2, 64 // 4 times the memory
	var refs []*host.Ref
	for i := range count {
		refs = append(refs, submit(t, j, "stamped", spec.TaskOptions{}, size, i))
	}
	for round := range 2 { // what comes back makes others leave
		for i, r := range refs {
			b, err := host.Get[[]byte](t.Context(), r)
			if err != nil || !bytes.Equal(b, bytes.Repeat([]byte{byte(i)}, size)) {
				t.Fatalf("round %d: object %d of %d bytes reads differently: %d bytes, %v", round, i, size, len(b), err)
			}
			if sum, err := host.Call[int](t.Context(), j, "length", r); err != nil || sum != size {
				t.Fatalf("as an argument: %d, %v", sum, err)
			}
		}
	}
	u := node.Usage()
	if u.ObjectBytes < size*count || u.Store.Used > 8*spec.MiB || u.Store.Spills == 0 || u.Store.Restores == 0 || len(files(t, dir)) == 0 {
		t.Errorf("in use: %+v", u)
	}
	for _, r := range refs {
		r.Release()
	}
	clean(t, node, j)
	noDiskUse(node)
	if left := files(t, dir); len(left) > 0 {
		t.Errorf("files are left: %v", left)
	}
}

// A guest's small things cannot be spilled: a disk gives it no more room for them.
func TestADiskGivesNoRoomForWhatIsSmall(t *testing.T) {
	node, module, _ := spilling(t)
	j := job(t, node, host.JobConfig{Module: module})
	var refs []*host.Ref
	var err error
	for len(refs) < 1000 {
		var r *host.Ref
		if r, err = j.Put(t.Context(), make([]byte, 90*spec.KiB)); err != nil {
			break
		}
		refs = append(refs, r)
	}
	if kept := len(refs) * 90 * spec.KiB; !errors.Is(err, spec.ObjectStoreFull) || kept > 8*spec.MiB {
		t.Errorf("%d bytes are kept: %v", kept, err)
	}
	for _, r := range refs {
		r.Release()
	}
	clean(t, node, j)
}

func TestAnObjectLargerThanTheMemoryIsWrittenToDisk(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("files without a name are Linux's")
	}
	node, module, _ := spilling(t)
	j := job(t, node, host.JobConfig{Module: module})
	r, err := j.Put(t.Context(), make([]byte, 9*spec.MiB))
	if err != nil {
		t.Fatal(err)
	}
	wantBytes(t, r, 9*spec.MiB)
	if u := node.Usage(); u.Store.Fallbacks != 1 {
		t.Errorf("in use: %+v", u.Store)
	}
	r.Release()
	clean(t, node, j)
}

// What is damaged on disk is made again, as what is lost with a node is.
func TestWhatIsDamagedOnDiskIsMadeAgain(t *testing.T) {
	node, module, dir := spilling(t)
	j := job(t, node, host.JobConfig{Module: module})
	var refs []*host.Ref
	for i := range 32 {
		refs = append(refs, submit(t, j, "stamped", spec.TaskOptions{}, spec.MiB/2, i))
	}
	if _, _, err := j.Wait(t.Context(), refs, len(refs), -1); err != nil { // it is not got: the copy would be there to get again
		t.Fatal(err)
	}
	for _, name := range files(t, dir) {
		if err := os.Truncate(name, 1); err != nil {
			t.Fatal(err)
		}
	}
	for i, r := range refs {
		b, err := host.Get[[]byte](t.Context(), r)
		if err != nil || !bytes.Equal(b, bytes.Repeat([]byte{byte(i)}, spec.MiB/2)) {
			t.Errorf("object %d: %d bytes, %v", i, len(b), err)
		}
	}
	if s := j.Stats(); s.Rebuilt == 0 {
		t.Error("no task ran again")
	}
	for _, r := range refs {
		r.Release()
	}
	clean(t, node, j)
	noDiskUse(node)
}

func TestSpillingIsChecked(t *testing.T) {
	for name, cfg := range map[string]host.Config{
		"nowhere":      {SpillBytes: 1},
		"negative":     {SpillBytes: -1, Spill: spill.Config{Directories: []string{t.TempDir()}}},
		"no directory": {Spill: spill.Config{Directories: []string{"/proc/nothing"}}},
	} {
		if node, err := host.Open(t.Context(), cfg); err == nil {
			t.Errorf("%s: it opens", name)
			_ = node.Close()
		}
	}
}
