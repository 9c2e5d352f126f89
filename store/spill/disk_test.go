package spill_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store/spill"
	"github.com/raywasm/raywasm/store/storetest"
	"github.com/raywasm/raywasm/wal/faults"
)

func disk(tb testing.TB, files spill.FS, dirs ...string) *spill.Disk {
	tb.Helper()
	var targets []spill.Target
	for _, d := range dirs {
		target, err := spill.OpenDir(d, 0, files)
		if err != nil {
			tb.Fatal(err)
		}
		targets = append(targets, target)
	}
	d := spill.NewDisk(zap.NewNop(), 0, targets...)
	tb.Cleanup(func() {
		if err := d.Close(); err != nil {
			tb.Error(err)
		}
	})
	return d
}

func objects(from, to, size int) []spill.Object {
	var list []spill.Object
	for n := from; n < to; n++ {
		list = append(list, spill.Object{ID: storetest.Object(n), Bytes: storetest.Bytes(n, size)})
	}
	return list
}

// onDisk returns the bytes of all files below a directory.
func onDisk(tb testing.TB, dir string) int64 {
	tb.Helper()
	n, err := bytesBelow(dir)
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

func bytesBelow(dir string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) { // a file was removed meanwhile
		err = nil
	}
	return n, err
}

// TestFilesAreCompacted: when most objects of a fused file are forgotten, the others move and the file goes.
func TestFilesAreCompacted(t *testing.T) {
	dir := t.TempDir()
	d := disk(t, spill.OS{}, dir)
	const count, size = 100, 10_000
	if err := d.Spill(t.Context(), objects(0, count, size)); err != nil {
		t.Fatal(err)
	}
	to := make([]byte, size)
	for n := range count - 1 {
		d.Forget(storetest.Object(n))
		if err := d.Restore(t.Context(), storetest.Object(count-1), to); err != nil || !bytes.Equal(to, storetest.Bytes(count-1, size)) {
			t.Fatalf("after %d were forgotten: %v", n+1, err)
		}
	}
	for d.Bytes() > 2*(size+52) || onDisk(t, dir) > 2*(size+52) {
		runtime.Gosched()
	}
	d.Forget(storetest.Object(count - 1))
	for d.Bytes() > 0 || onDisk(t, dir) > 0 {
		runtime.Gosched()
	}
	if err := d.Restore(t.Context(), storetest.Object(0), to); !errors.Is(err, spec.ObjectLost) {
		t.Errorf("what was forgotten: %v", err)
	}
}

func TestDirectoriesAreUsedInTurnAndOneThatFailsIsPassedOver(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	d := disk(t, spill.OS{}, a, b)
	for n := range 10 {
		if err := d.Spill(t.Context(), objects(n, n+1, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if x, y := onDisk(t, a), onDisk(t, b); x != y || x == 0 {
		t.Errorf("they hold %d and %d bytes", x, y)
	}
	sessions, _ := filepath.Glob(filepath.Join(a, "*"))
	if err := os.RemoveAll(sessions[0]); err != nil {
		t.Fatal(err)
	}
	for n := 10; n < 14; n++ {
		if err := d.Spill(t.Context(), objects(n, n+1, 1000)); err != nil {
			t.Fatalf("one directory is gone: %v", err)
		}
	}
	to, lost := make([]byte, 1000), 0
	for n := range 14 {
		switch err := d.Restore(t.Context(), storetest.Object(n), to); {
		case errors.Is(err, spec.ObjectLost):
			lost++
		case err != nil || !bytes.Equal(to, storetest.Bytes(n, 1000)):
			t.Errorf("object %d: %v", n, err)
		}
	}
	if lost != 5 {
		t.Errorf("%d objects are lost, 5 were in the directory that is gone", lost)
	}
}

// TestAnyBitOfAFileIsChecked alters each byte of a file in turn.
func TestAnyBitOfAFileIsChecked(t *testing.T) {
	dir := t.TempDir()
	d := disk(t, spill.OS{}, dir)
	if err := d.Spill(t.Context(), objects(1, 3, 100)); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*", "*"))
	good, err := os.ReadFile(files[0])
	if err != nil || len(good) != 2*160 {
		t.Fatalf("%d bytes, %v", len(good), err)
	}
	to := make([]byte, 100)
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 1 << (i % 8)
		if err := os.WriteFile(files[0], bad, 0o600); err != nil {
			t.Fatal(err)
		}
		for n := 1; n < 3; n++ {
			err := d.Restore(t.Context(), storetest.Object(n), to)
			if err == nil && !bytes.Equal(to, storetest.Bytes(n, 100)) {
				t.Fatalf("byte %d altered: object %d reads wrong", i, n)
			}
			if off := i - 160*(n-1); off >= 0 && off < 160 && !errors.Is(err, spec.ObjectLost) {
				t.Fatalf("byte %d altered: object %d: %v", i, n, err)
			}
		}
	}
	for cut := range len(good) {
		if err := os.Truncate(files[0], int64(len(good)-1-cut)); err != nil {
			t.Fatal(err)
		}
		if err := d.Restore(t.Context(), storetest.Object(2), to); !errors.Is(err, spec.ObjectLost) {
			t.Fatalf("cut short by %d: %v", cut+1, err)
		}
	}
}

func TestAFullDiskIsSaidBeforeItIsWritten(t *testing.T) {
	dir := t.TempDir()
	files := &storetest.Files{Used: func() float64 { return 0.951 }}
	d := disk(t, files, dir)
	err := d.Spill(t.Context(), objects(0, 2, 1000))
	if !errors.Is(err, spec.OutOfDisk) || !strings.Contains(err.Error(), "95.1 %") || onDisk(t, dir) != 0 {
		t.Errorf("%v, %d bytes are there", err, onDisk(t, dir))
	}
}

func TestWhatWasWrittenInPartIsRemoved(t *testing.T) {
	dir := t.TempDir()
	writes := 0
	files := &storetest.Files{Before: func(op string) error {
		if op == "write" {
			if writes++; writes == 3 {
				return errors.New("input/output error")
			}
		}
		return nil
	}}
	d := disk(t, files, dir)
	if err := d.Spill(t.Context(), objects(0, 3, 300_000)); !errors.Is(err, spec.System) {
		t.Errorf("it ends with %v", err)
	}
	if n := onDisk(t, dir); n != 0 || d.Bytes() != 0 {
		t.Errorf("%d bytes are there, it says %d", n, d.Bytes())
	}
}

func TestALivingSessionIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	d := disk(t, spill.OS{}, dir)
	if err := d.Spill(t.Context(), objects(1, 2, 1000)); err != nil {
		t.Fatal(err)
	}
	disk(t, spill.OS{}, dir) // another one
	to := make([]byte, 1000)
	if err := d.Restore(t.Context(), storetest.Object(1), to); err != nil {
		t.Errorf("after another session was opened: %v", err)
	}
}

// childDir names, in the environment, the directory for which this binary is a child that is killed, and childStep the
// operation of the disk before which it kills itself.
const (
	childDir  = "RAYWASM_TEST_SPILL_DIR"
	childStep = "RAYWASM_TEST_SPILL_STEP"
)

func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	var files spill.FS = spill.OS{}
	batches := math.MaxInt
	if text := os.Getenv(childStep); text != "" {
		last, _ := strconv.Atoi(text)
		batches = 2
		files = &storetest.Files{Before: func(string) error {
			if last--; last < 0 {
				self, _ := os.FindProcess(os.Getpid()) // it is there
				_ = self.Kill()                        // it does not return
				select {}
			}
			return nil
		}}
	}
	if err := spillAndRestore(dir, files, batches); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// TestKilledBeforeAnyStep ends a process before each operation of its disk in turn. Whatever it leaves, the next one removes
// it, and nothing else.
func TestKilledBeforeAnyStep(t *testing.T) {
	dir := t.TempDir()
	living := disk(t, spill.OS{}, dir)
	if err := living.Spill(t.Context(), objects(1, 2, 1000)); err != nil {
		t.Fatal(err)
	}
	kept := onDisk(t, dir)
	steps := 0
	for ; ; steps++ {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childDir+"="+dir, fmt.Sprintf("%s=%d", childStep, steps))
		out, err := cmd.CombinedOutput()
		if err == nil {
			break
		}
		if cmd.ProcessState.ExitCode() != -1 { // it ended by itself
			t.Fatalf("step %d: %v\n%s", steps, err, out)
		}
		disk(t, spill.OS{}, dir)
		if n := onDisk(t, dir); n != kept {
			t.Fatalf("step %d: %d bytes are there, and %d are another's", steps, n, kept)
		}
	}
	if steps < 20 {
		t.Errorf("it took %d steps only", steps)
	}
	to := make([]byte, 1000)
	if err := living.Restore(t.Context(), storetest.Object(1), to); err != nil {
		t.Error(err)
	}
}

// TestKilled ends a process that spills, restores, compacts and forgets, at any moment; the next one finds the directory,
// checks every byte that it reads, and in the end nothing is left: 20 times, and 200 times with RAYWASM_LONG=1.
func TestKilled(t *testing.T) {
	rounds := 20
	if os.Getenv("RAYWASM_LONG") != "" {
		rounds = 200
	}
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	for round := range rounds {
		faults.Kill(t, 1+random.IntN(60), func(text string) {
			if !strings.HasPrefix(text, "step") {
				t.Fatalf("round %d: %s", round, text)
			}
		}, childDir+"="+dir)
	}
	d, err := spill.OpenDir(dir, 0, spill.OS{})
	if err != nil {
		t.Fatal(err)
	}
	if n := onDisk(t, dir); n != 0 {
		t.Errorf("%d bytes are left after %d kills", n, rounds)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("%v is left", left)
	}
}

// spillAndRestore spills batches, and says on stdout "step" for each that came back as it was. It ends with what is wrong.
func spillAndRestore(dir string, files spill.FS, batches int) error {
	target, err := spill.OpenDir(dir, 1, files)
	if err != nil {
		return err
	}
	d := spill.NewDisk(zap.NewNop(), 0, target)
	ctx, size := context.Background(), 20_000
	for n := 0; n/10 < batches; n += 10 {
		for began := time.Now(); ; { // files go soon
			own, err := bytesBelow(dir)
			if err != nil {
				return err
			}
			if own <= 200*int64(size+52) {
				break
			}
			if time.Since(began) > 20*time.Second {
				return fmt.Errorf("%d bytes are on disk", own)
			}
		}
		if err := d.Spill(ctx, objects(n, n+10, size)); err != nil {
			return err
		}
		for k := max(0, n-10); k < n+10; k += 3 {
			to := make([]byte, size)
			switch err := d.Restore(ctx, storetest.Object(k), to); {
			case err != nil && k >= n:
				return err
			case err == nil && !bytes.Equal(to, storetest.Bytes(k, size)):
				return fmt.Errorf("object %d reads differently", k)
			}
			d.Forget(storetest.Object(k - 2))
			d.Forget(storetest.Object(k - 1))
		}
		d.Forget(storetest.Object(n - 20))
		for k := n - 20; k < n-10; k++ {
			d.Forget(storetest.Object(k))
		}
		fmt.Println("step", n)
	}
	return d.Close()
}
