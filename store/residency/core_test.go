package residency_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
	"github.com/raywasm/raywasm/store/extent"
	"github.com/raywasm/raywasm/store/residency"
)

const page = extent.PageSize

var errDisk = spec.Errorf("write", spec.System, "", "the disk is broken")

// TestStories plays the stories of testdata: a line is an event, and what is to be done is printed behind it. Sizes are
// in pages, times in milliseconds; objects are letters.
//
//	story limit=N [spill] [fall] [min=N] [fused=N] [batches=N]
//
//	create A SIZE [secondary], seal A, sealget A TOKEN, abort A, mark A primary|secondary, delete A
//	get A TOKEN, cancel A TOKEN, release A
//	spilled BATCH [full|error], restored A [lost|error], fell A [full]
//	claim A B          pages A to B of the run that became free last; punched
//	after N            so much time passes
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd != "story" {
				d.Fatalf(t, "there is no command %q", d.Cmd)
			}
			cfg := residency.Config{Threshold: 0.8, MinSpill: page, MaxFused: 10, Batches: 1, Grace: 2 * time.Second, Pause: time.Second}
			for _, arg := range d.CmdArgs {
				n := int64(0)
				if len(arg.Vals) > 0 {
					arg.Scan(t, 0, &n)
				}
				switch arg.Key {
				case "limit":
					cfg.Limit = n * page
				case "spill":
					cfg.CanSpill = true
				case "fall":
					cfg.CanFall = true
				case "min":
					cfg.MinSpill = n * page
				case "fused":
					cfg.MaxFused = int(n)
				case "batches":
					cfg.Batches = int(n)
				default:
					d.Fatalf(t, "a story has no %q", arg.Key)
				}
			}
			w := &teller{core: residency.New(cfg)}
			var out strings.Builder
			for line := range strings.Lines(d.Input) {
				line = strings.TrimSpace(line)
				fmt.Fprintf(&out, "%s\n", line)
				for _, a := range w.play(t, strings.Fields(line)) {
					fmt.Fprintf(&out, "    %s\n", a)
				}
			}
			u := w.core.Usage()
			fmt.Fprintf(&out, "used %d, objects %d, drafts %d, primary %d, secondary %d, viewed %d, spilled %d, fallback %d, waiting %d\n",
				u.Used/page, u.Objects, u.Drafts, u.Primary/page, u.Secondary/page, u.Viewed/page, u.Spilled/page, u.Fallback/page, u.Waiting)
			return out.String()
		})
	})
}

type teller struct {
	core    *residency.Core
	now     int64
	free    extent.Free
	punched extent.Block
}

func id(name string) spec.ObjectID {
	return spec.DriverTaskID(spec.JobNumber(1)).Object(uint32(name[0]))
}

func name(id spec.ObjectID) string { return string(rune(id[24])) }

// play plays one line and returns the actions as text.
func (w *teller) play(t *testing.T, words []string) []string {
	t.Helper()
	arg := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	number := func(i int) int64 {
		n, err := strconv.ParseInt(arg(i), 10, 64)
		if err != nil {
			t.Fatalf("%v: %v", words, err)
		}
		return n
	}
	failure := map[string]error{"": nil, "error": errDisk, "full": spec.OutOfDisk, "lost": spec.ObjectLost}
	kind := store.Primary
	ev := residency.Event{}
	switch words[0] {
	case "create":
		if arg(3) == "secondary" {
			kind = store.Secondary
		}
		ev = residency.Event{Op: residency.Create, ID: id(arg(1)), Size: number(2) * page, Copy: kind}
	case "mark":
		if arg(2) == "secondary" {
			kind = store.Secondary
		}
		ev = residency.Event{Op: residency.Mark, ID: id(arg(1)), Copy: kind}
	case "seal", "abort", "delete", "release":
		ops := map[string]residency.Op{"seal": residency.Seal, "abort": residency.Abort, "delete": residency.Delete, "release": residency.Release}
		ev = residency.Event{Op: ops[words[0]], ID: id(arg(1))}
	case "sealget":
		ev = residency.Event{Op: residency.SealAndGet, ID: id(arg(1)), Token: residency.Token(number(2))}
	case "get":
		ev = residency.Event{Op: residency.Get, ID: id(arg(1)), Token: residency.Token(number(2))}
	case "cancel":
		ev = residency.Event{Op: residency.Cancel, ID: id(arg(1)), Token: residency.Token(number(2))}
	case "spilled":
		ev = residency.Event{Op: residency.Spilled, Batch: residency.Batch(number(1)), Err: failure[arg(2)]}
	case "restored":
		ev = residency.Event{Op: residency.Restored, ID: id(arg(1)), Err: failure[arg(2)]}
	case "fell":
		ev = residency.Event{Op: residency.Fell, ID: id(arg(1)), Err: failure[arg(2)]}
	case "claim":
		ev = residency.Event{Op: residency.Claim, Free: w.free, Off: number(1) * page, Size: (number(2) - number(1)) * page}
	case "punched":
		ev = residency.Event{Op: residency.Punched, Block: w.punched}
	case "after":
		w.now += number(1) * int64(time.Millisecond)
		ev = residency.Event{Op: residency.Tick}
	default:
		t.Fatalf("there is no event %q", words[0])
	}
	var out []string
	for _, a := range w.core.Step(w.now, ev) {
		out = append(out, w.text(a))
	}
	return out
}

func (w *teller) text(a residency.Action) string {
	switch a.Do {
	case residency.Place:
		return fmt.Sprintf("place %s at %d", name(a.ID), a.Block.Off/page)
	case residency.FallBack:
		return "fall back " + name(a.ID)
	case residency.Refuse:
		return fmt.Sprintf("refuse %s: %v", name(a.ID), spec.KindOf(a.Err))
	case residency.Grant:
		return fmt.Sprintf("grant %s to %d", name(a.ID), a.Token)
	case residency.Miss:
		return fmt.Sprintf("miss %s, %d: %v", name(a.ID), a.Token, spec.KindOf(a.Err))
	case residency.Spill:
		var names []string
		for _, o := range a.Objects {
			names = append(names, name(o.ID))
		}
		return fmt.Sprintf("spill %s as %d", strings.Join(names, " "), a.Batch)
	case residency.Restore:
		return fmt.Sprintf("restore %s to %d", name(a.ID), a.Block.Off/page)
	case residency.Evict:
		return "evict " + name(a.ID)
	case residency.Forget:
		return "forget " + name(a.ID)
	case residency.Vacate:
		w.free = a.Free
		return fmt.Sprintf("vacate %d to %d", a.Free.From/page, a.Free.To/page)
	case residency.Punch:
		w.punched = a.Block
		return fmt.Sprintf("punch %d pages at %d", a.Block.Size/page, a.Block.Off/page)
	case residency.Wake:
		return fmt.Sprintf("wake at %d", a.At/int64(time.Millisecond))
	}
	return fmt.Sprintf("unknown action %d", a.Do)
}

// TestRandomLives plays random events against a disk that fails now and then, and holds the core to its promises: each
// request is answered once, nothing that is used moves or goes, no primary copy is lost, and in the end nothing is left.
func TestRandomLives(t *testing.T) {
	for seed := range uint64(200) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { live(t, seed) })
	}
}

type known struct {
	sealed, asked, deleted bool
	kind                   store.Copy
	views                  int
	saved                  bool
	block                  extent.Block
	placed                 bool
}

func live(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 7))
	cfg := residency.Config{
		Limit: 64 * page, CanSpill: random.IntN(4) > 0, CanFall: random.IntN(2) > 0, Threshold: 0.8, MinSpill: int64(1+random.IntN(20)) * page,
		MaxFused: 1 + random.IntN(5), Batches: 1 + random.IntN(3), Grace: 2 * time.Second, Pause: time.Second,
	}
	core := residency.New(cfg)
	objects := map[spec.ObjectID]*known{}
	var names []spec.ObjectID
	asking := map[residency.Token]spec.ObjectID{}
	batches := map[residency.Batch][]residency.Placed{}
	restoring := map[spec.ObjectID]bool{}
	var token residency.Token
	now, failing := int64(0), true
	var step func(residency.Event)
	step = func(ev residency.Event) {
		actions := append([]residency.Action(nil), core.Step(now, ev)...)
		var fell []spec.ObjectID
		for _, a := range actions {
			o := objects[a.ID]
			switch a.Do {
			case residency.Place, residency.FallBack, residency.Refuse:
				if o == nil || !o.asked {
					t.Fatalf("seed %d: an answer %d for what was not asked", seed, a.Do)
				}
				o.asked = false
				if o.placed = a.Do != residency.Refuse; !o.placed {
					delete(objects, a.ID)
				}
				if o.block = a.Block; a.Do == residency.FallBack {
					o.saved = true
					fell = append(fell, a.ID)
				}
			case residency.Grant, residency.Miss:
				if asking[a.Token] != a.ID {
					t.Fatalf("seed %d: token %d was not asked for %v", seed, a.Token, name(a.ID))
				}
				delete(asking, a.Token)
				if a.Do == residency.Grant {
					o.views++
				} else if k := spec.KindOf(a.Err); o != nil && o.sealed && !o.deleted && k == spec.NotFound && o.kind == store.Primary {
					t.Fatalf("seed %d: a primary copy is not found", seed)
				}
			case residency.Spill:
				batches[a.Batch] = append([]residency.Placed(nil), a.Objects...)
				for _, p := range a.Objects {
					if x := objects[p.ID]; x.kind == store.Secondary || x.views > 0 || x.saved {
						t.Fatalf("seed %d: spills what is secondary, viewed or on disk: %+v", seed, x)
					}
				}
			case residency.Restore:
				restoring[a.ID] = true
			case residency.Evict:
				if o.views > 0 || o.kind == store.Primary {
					t.Fatalf("seed %d: evicts %+v", seed, o)
				}
				delete(objects, a.ID)
			}
		}
		if u := core.Usage(); u.Used > u.Limit || u.Primary < 0 || u.Secondary < 0 || u.Viewed < 0 || u.Spilled < 0 || u.Fallback < 0 || u.Objects < 0 || u.Drafts < 0 {
			t.Fatalf("seed %d: usage %+v", seed, u)
		}
		for _, id := range fell {
			err := error(nil)
			if failing && random.IntN(4) == 0 {
				err = spec.OutOfDisk
				objects[id].asked = true
			}
			step(residency.Event{Op: residency.Fell, ID: id, Err: err})
		}
	}
	pick := func() (spec.ObjectID, *known) {
		id := names[random.IntN(len(names))]
		return id, objects[id]
	}
	work := func() bool {
		for b, batch := range batches {
			delete(batches, b)
			ev := residency.Event{Op: residency.Spilled, Batch: b}
			if failing && random.IntN(4) == 0 {
				ev.Err = errDisk
			}
			if ev.Err == nil {
				for _, p := range batch {
					if x := objects[p.ID]; x != nil {
						x.saved = true
					}
				}
			}
			step(ev)
			return true
		}
		for id := range restoring {
			delete(restoring, id)
			ev := residency.Event{Op: residency.Restored, ID: id}
			if failing && random.IntN(4) == 0 {
				ev.Err = errDisk
			}
			step(ev)
			return true
		}
		return false
	}
	for i := range uint32(1000) {
		now += int64(random.IntN(300)) * int64(time.Millisecond)
		switch k := random.IntN(10); {
		case k < 3 || len(names) == 0:
			id := spec.DriverTaskID(spec.JobNumber(1)).Object(i)
			kind := store.Copy(random.IntN(2))
			names, objects[id] = append(names, id), &known{asked: true, kind: kind}
			step(residency.Event{Op: residency.Create, ID: id, Size: int64(1 + random.IntN(20*page)), Copy: kind})
		case k < 5:
			if id, o := pick(); o != nil && o.placed && !o.sealed {
				if o.sealed = random.IntN(5) > 0; o.sealed {
					step(residency.Event{Op: residency.Seal, ID: id})
				} else {
					delete(objects, id)
					step(residency.Event{Op: residency.Abort, ID: id})
				}
			}
		case k < 7:
			id, _ := pick()
			token++
			asking[token] = id
			step(residency.Event{Op: residency.Get, ID: id, Token: token})
			if _, still := asking[token]; still && random.IntN(3) == 0 {
				delete(asking, token)
				step(residency.Event{Op: residency.Cancel, ID: id, Token: token})
			}
		case k < 8:
			if id, o := pick(); o != nil && o.views > 0 {
				o.views--
				step(residency.Event{Op: residency.Release, ID: id})
			}
		case k < 9:
			if id, o := pick(); o != nil && o.sealed {
				o.deleted = true
				if step(residency.Event{Op: residency.Delete, ID: id}); o.views == 0 {
					delete(objects, id)
				}
			}
		default:
			work()
			step(residency.Event{Op: residency.Tick})
		}
	}
	failing = false
	for busy := true; busy; { // all is given back, whatever the order
		busy = work()
		for id, o := range objects {
			for o.views > 0 {
				o.views--
				step(residency.Event{Op: residency.Release, ID: id})
				busy = true
			}
			if o.placed && !o.sealed || o.asked {
				delete(objects, id)
				step(residency.Event{Op: residency.Abort, ID: id})
				busy = true
			}
		}
		now += int64(time.Hour)
		step(residency.Event{Op: residency.Tick})
	}
	for _, id := range names {
		step(residency.Event{Op: residency.Delete, ID: id})
	}
	for work() {
	}
	now += int64(time.Hour)
	step(residency.Event{Op: residency.Tick})
	if u := core.Usage(); u.Used+int64(u.Objects+u.Drafts+u.Waiting)+u.Primary+u.Secondary+u.Viewed+u.Spilled+u.Fallback != 0 {
		t.Fatalf("seed %d: in the end there is %+v", seed, u)
	}
	if len(asking) > 0 {
		t.Fatalf("seed %d: %d who wait were never answered", seed, len(asking))
	}
}
