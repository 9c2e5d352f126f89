package spec_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/raywasm/raywasm/spec"
)

// The first two are the ids that Ray's own documentation shows.
const (
	rayTask  = "16310a0f0a45af5cffffffffffffffffffffffff01000000"
	rayActor = "e8702085880657b355bf7ef001000000"
	rayDrive = "ffffffffffffffffffffffffffffffffffffffff01000000"
)

func TestIDsHaveTheSizesOfRays(t *testing.T) {
	sizes := map[string][2]int{
		"JobID":    {len(spec.JobID{}), 4},
		"ActorID":  {len(spec.ActorID{}), 12 + 4},
		"TaskID":   {len(spec.TaskID{}), 8 + 16},
		"ObjectID": {len(spec.ObjectID{}), 24 + 4},
		"NodeID":   {len(spec.NodeID{}), 28},
	}
	for name, size := range sizes {
		if size[0] != size[1] {
			t.Errorf("%s has %d bytes, want %d", name, size[0], size[1])
		}
	}
}

func TestRaysIDsAreRead(t *testing.T) {
	task, err := spec.ParseTaskID(rayTask)
	if err != nil {
		t.Fatal(err)
	}
	job := spec.JobNumber(1)
	if task.Job() != job || task.Actor() != spec.NoActor(job) || !task.Actor().IsNone() {
		t.Errorf("%s: job %s, actor %s, want a task of job %s on no actor", task, task.Job(), task.Actor(), job)
	}
	actor, err := spec.ParseActorID(rayActor)
	if err != nil {
		t.Fatal(err)
	}
	if actor.Job() != job || actor.IsNone() {
		t.Errorf("%s: job %s, none %v, want an actor of job %s", actor, actor.Job(), actor.IsNone(), job)
	}
	if got := spec.DriverTaskID(job).String(); got != rayDrive {
		t.Errorf("the driver of job 1 is %s, want %s", got, rayDrive)
	}
}

func TestAJobsNumberIsLittleEndian(t *testing.T) {
	for n, want := range map[uint32]string{0: "00000000", 1: "01000000", 0x01020304: "04030201", 1<<32 - 1: "ffffffff"} {
		if got := spec.JobNumber(n).String(); got != want {
			t.Errorf("job %d prints as %s, want %s", n, got, want)
		}
	}
}

func TestIDsNestTheIDsOfWhatMadeThem(t *testing.T) {
	job := spec.JobNumber(7)
	driver := spec.DriverTaskID(job)
	actor := spec.NewActorID(driver, 3)
	task := spec.NewTaskID(driver, 4, actor)
	object := task.Object(0x01020304)

	if actor.Job() != job || actor.IsNone() {
		t.Errorf("actor %s: job %s, none %v, want job %s", actor, actor.Job(), actor.IsNone(), job)
	}
	if task.Actor() != actor || task.Job() != job {
		t.Errorf("task %s: actor %s, job %s, want %s of %s", task, task.Actor(), task.Job(), actor, job)
	}
	if object.Task() != task || object.Index() != 0x01020304 {
		t.Errorf("object %s: task %s, index %#x, want %s, 0x1020304", object, object.Task(), object.Index(), task)
	}
	if want := task.String() + "04030201"; object.String() != want {
		t.Errorf("the object prints as %s, want the task and the index in little-endian: %s", object, want)
	}
}

// TestDerivedIDsNeverChange spells out the derivation: a task that is run again, perhaps by a newer version, must name
// the same children.
func TestDerivedIDsNeverChange(t *testing.T) {
	parent := spec.DriverTaskID(spec.JobNumber(1))
	derived := func(what byte, index uint64) []byte {
		b := append([]byte{what}, parent[:]...)
		sum := sha256.Sum256(binary.LittleEndian.AppendUint64(b, index))
		return sum[:]
	}
	for _, index := range []uint64{0, 1, 255, 256, 1<<64 - 1} {
		actor := spec.NewActorID(parent, index)
		if want := fmt.Sprintf("%x01000000", derived('a', index)[:12]); actor.String() != want {
			t.Errorf("actor %d is %s, want %s", index, actor, want)
		}
		task := spec.NewTaskID(parent, index, actor)
		if want := fmt.Sprintf("%x%s", derived('t', index)[:8], actor); task.String() != want {
			t.Errorf("task %d is %s, want %s", index, task, want)
		}
	}
}

func TestDerivedIDsDifferByEveryArgument(t *testing.T) {
	one, two := spec.DriverTaskID(spec.JobNumber(1)), spec.DriverTaskID(spec.JobNumber(2))
	none := spec.NoActor(spec.JobNumber(1))
	seen := make(map[string]string)
	add := func(what string, unique []byte) {
		if other, ok := seen[string(unique)]; ok {
			t.Errorf("%s and %s have the same unique bytes %x", what, other, unique)
		}
		seen[string(unique)] = what
	}
	for _, parent := range []spec.TaskID{one, two, spec.NewTaskID(one, 0, none)} {
		for index := range uint64(300) {
			actor, task := spec.NewActorID(parent, index), spec.NewTaskID(parent, index, none)
			add(fmt.Sprintf("actor %d of %s", index, parent), actor[:8])
			add(fmt.Sprintf("task %d of %s", index, parent), task[:8])
		}
	}
}

func TestNodeIDsAreFresh(t *testing.T) {
	if a, b := spec.NewNodeID(), spec.NewNodeID(); a == b || a == (spec.NodeID{}) {
		t.Errorf("two fresh nodes are %s and %s", a, b)
	}
	if got := (spec.NodeID{0: 0xab, 27: 1}).String(); got != "ab"+strings.Repeat("00", 26)+"01" {
		t.Errorf("a node prints as %s, want its bytes in lower-case hex", got)
	}
}

func TestAnIndexTellsResultsStreamsAndPutsApart(t *testing.T) {
	task := spec.DriverTaskID(spec.JobNumber(1))
	for _, c := range []struct {
		index uint32
		put   bool
	}{
		{1, false}, {spec.MaxReturns, false},
		{spec.FirstStreamIndex, false}, {spec.FirstStreamIndex + 99_999_999, false},
		{spec.FirstPutIndex, true}, {1<<32 - 1, true},
	} {
		if got := task.Object(c.index).IsPut(); got != c.put {
			t.Errorf("index %d: put is %v, want %v", c.index, got, c.put)
		}
	}
	if spec.FirstStreamIndex != spec.MaxReturns+1 || spec.FirstPutIndex-spec.FirstStreamIndex != 100_000_000 {
		t.Errorf("streams begin at %d and puts at %d, want 1 after the last result and 100,000,000 later", spec.FirstStreamIndex, spec.FirstPutIndex)
	}
}

func TestIDsPrintAsTheyAreRead(t *testing.T) {
	driver := spec.DriverTaskID(spec.JobNumber(9))
	actor := spec.NewActorID(driver, 1)
	task := spec.NewTaskID(driver, 2, actor)
	for name, c := range map[string]struct {
		id   fmt.Stringer
		read func(string) (fmt.Stringer, error)
	}{
		"job":    {driver.Job(), reader(spec.ParseJobID)},
		"actor":  {actor, reader(spec.ParseActorID)},
		"task":   {task, reader(spec.ParseTaskID)},
		"object": {task.Object(3), reader(spec.ParseObjectID)},
		"digest": {spec.DigestOf([]byte("a module")), reader(spec.ParseDigest)},
	} {
		t.Run(name, func(t *testing.T) {
			text := c.id.String()
			if got, err := c.read(text); err != nil || got != c.id {
				t.Errorf("%s reads as %v, %v", text, got, err)
			}
			digits := text[len(text)-8:]
			bad := []string{
				"", text[1:], text[:len(text)-1], text[:len(text)-2], text + "00", " " + text, text + " ",
				strings.TrimSuffix(text, digits) + "0000000g", strings.TrimSuffix(text, digits) + "000000\u00e9", "0x" + text,
			}
			for _, s := range bad {
				got, err := c.read(s)
				var e *spec.Error
				if !errors.Is(err, spec.InvalidArgument) || !errors.As(err, &e) || e.ID != s {
					t.Errorf("%q reads as %v, %v, want an InvalidArgument that names the text", s, got, err)
				}
			}
		})
	}
}

// reader gives the parsers of all ids one type.
func reader[T interface {
	comparable
	fmt.Stringer
}](parse func(string) (T, error)) func(string) (fmt.Stringer, error) {
	return func(s string) (fmt.Stringer, error) {
		id, err := parse(s)
		return id, err
	}
}

func TestADigestPrintsInOCIsForm(t *testing.T) {
	d := spec.DigestOf([]byte("abc"))
	const want = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // FIPS 180-2, appendix B.1
	if d.String() != want || d.Short() != "ba7816bf8f01" {
		t.Errorf("got %s, short %s, want %s", d, d.Short(), want)
	}
	for _, s := range []string{want[len("sha256:"):], "sha512:" + want[len("sha256:"):], "SHA256:" + want[len("sha256:"):]} {
		if _, err := spec.ParseDigest(s); !errors.Is(err, spec.InvalidArgument) {
			t.Errorf("%q: got %v, want InvalidArgument", s, err)
		}
	}
}
