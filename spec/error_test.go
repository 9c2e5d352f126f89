package spec_test

import (
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/raywasm/raywasm/spec"
)

func TestAnErrorPrintsWhatWhichWhyAndTheKind(t *testing.T) {
	for _, c := range []struct {
		err  *spec.Error
		want string
	}{
		{&spec.Error{Op: "call add", Kind: spec.TaskError, ID: "task 16310a0f", Err: errors.New("too large")}, "call add task 16310a0f: too large (TaskError)"},
		{&spec.Error{Op: "call add", Kind: spec.TaskError, Err: errors.New("too large")}, "call add: too large (TaskError)"},
		{&spec.Error{Op: "call add", Kind: spec.TaskError, ID: "task 16310a0f"}, "call add task 16310a0f (TaskError)"},
		{&spec.Error{Kind: spec.TaskError, ID: "task 16310a0f"}, "task 16310a0f (TaskError)"},
		{&spec.Error{Kind: spec.TaskError, Err: errors.New("too large")}, "too large (TaskError)"},
		{&spec.Error{Kind: spec.TaskError}, "TaskError"},
		{&spec.Error{}, "Error"},
		{spec.Errorf("open", spec.NotFound, "file", "%w: %d", fs.ErrNotExist, 7), "open file: file does not exist: 7 (NotFound)"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestAnErrorUnwrapsToItsKindAndItsCause(t *testing.T) {
	fault := &spec.Fault{Type: "*main.Broke", Message: "outer", Cause: &spec.Fault{Message: "inner"}}
	err := fmt.Errorf("outside: %w", &spec.Error{Kind: spec.TaskError, Err: &spec.Error{Kind: spec.ActorDied, Err: fault}})
	for kind, want := range map[spec.Kind]bool{
		spec.TaskError: true, spec.ActorDied: true, spec.ActorError: true, spec.AnyError: true,
		spec.ActorUnavailable: false, spec.System: false,
	} {
		if got := errors.Is(err, kind); got != want {
			t.Errorf("errors.Is(%v, %v) is %v, want %v", err, kind, got, want)
		}
	}
	var f *spec.Fault
	if !errors.As(err, &f) || f != fault {
		t.Errorf("errors.As finds fault %v, want %v", f, fault)
	}
	if !errors.Is(err, fault.Cause) {
		t.Error("the fault's cause is not found")
	}
	if causes := (&spec.Error{Kind: spec.NotFound}).Unwrap(); len(causes) != 1 || causes[0] != error(spec.NotFound) {
		t.Errorf("an error without a cause unwraps to %v, want its kind alone", causes)
	}
	if cause := fault.Cause.Unwrap(); cause != nil {
		t.Errorf("a fault without a cause unwraps to %v, want nil", cause)
	}
	if wrapped := spec.Errorf("open", spec.NotFound, "", "it is gone: %w", fs.ErrNotExist); !errors.Is(wrapped, fs.ErrNotExist) {
		t.Errorf("%v does not wrap what %%w named", wrapped)
	}
}

func TestKindOf(t *testing.T) {
	inner := &spec.Error{Kind: spec.ActorDied}
	for name, c := range map[string]struct {
		err  error
		want spec.Kind
	}{
		"nil":                    {nil, 0},
		"a bare kind":            {spec.NotFound, spec.NotFound},
		"a wrapped kind":         {fmt.Errorf("x: %w", spec.NotFound), spec.NotFound},
		"an error":               {inner, spec.ActorDied},
		"the outermost wins":     {&spec.Error{Kind: spec.TaskError, Err: inner}, spec.TaskError},
		"a wrapped error":        {fmt.Errorf("x: %w", inner), spec.ActorDied},
		"joined with another":    {errors.Join(errors.New("x"), inner), spec.ActorDied},
		"an error of Go":         {fs.ErrNotExist, spec.System},
		"a fault without a kind": {&spec.Fault{Message: "x"}, spec.System},
	} {
		if got := spec.KindOf(c.err); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func TestAFaultPrintsItsMessageAndKeepsTheDetailApart(t *testing.T) {
	for _, c := range []struct {
		fault        spec.Fault
		text, detail string
	}{
		{spec.Fault{}, "", ""},
		{spec.Fault{Type: "*main.Broke"}, "*main.Broke", ""},
		{spec.Fault{Type: "*main.Broke", Message: "it broke"}, "it broke", ""},
		{
			spec.Fault{Message: "it broke", Stack: "main.f\n\tmain.go:7\n", Stderr: "\n"},
			"it broke", "remote stack:\n    main.f\n    \tmain.go:7\n",
		},
		{
			spec.Fault{Message: "it broke", Stack: "main.f", Stderr: "one\n\ntwo\n\n"},
			"it broke", "remote stack:\n    main.f\nlast lines of its stderr:\n    one\n    \n    two\n",
		},
	} {
		if got := c.fault.Error(); got != c.text {
			t.Errorf("%+v prints %q, want %q", c.fault, got, c.text)
		}
		if got := c.fault.Detail(); got != c.detail {
			t.Errorf("%+v has the detail %q, want %q", c.fault, got, c.detail)
		}
	}
}

// cross sends err over a boundary.
func cross(t *testing.T, err error) *spec.Error {
	t.Helper()
	form := spec.MarshalError(err)
	e, derr := spec.UnmarshalError(form)
	if derr != nil {
		t.Fatalf("%v: its own form %x is refused: %v", err, form, derr)
	}
	return e
}

func TestErrorsCrossABoundary(t *testing.T) {
	exit := int32(-3)
	fault := &spec.Fault{
		Type: "*fs.PathError", Message: "open x: gone", Stack: "main.f", Stderr: "last words", Exit: &exit,
		Cause: &spec.Fault{Type: "fs.Error", Message: "gone", Cause: &spec.Fault{Message: "deepest"}},
	}
	died := &spec.Error{Op: "start", Kind: spec.ActorDied, ID: "actor 1", Err: fault}
	for name, c := range map[string]struct {
		err  error
		want *spec.Error
	}{
		"every field is kept": {died, died},
		"causes are kept":     {&spec.Error{Op: "get", Kind: spec.TaskError, ID: "object 2", Err: died}, &spec.Error{Op: "get", Kind: spec.TaskError, ID: "object 2", Err: died}},
		"only a kind":         {&spec.Error{Kind: spec.Unsupported}, &spec.Error{Kind: spec.Unsupported}},
		"a bare kind":         {spec.GetTimeout, &spec.Error{Kind: spec.GetTimeout}},
		"a cause of Go keeps its type and text": {
			&spec.Error{Op: "open", Kind: spec.NotFound, Err: fs.ErrNotExist},
			&spec.Error{Op: "open", Kind: spec.NotFound, Err: &spec.Fault{Type: "*errors.errorString", Message: fs.ErrNotExist.Error()}},
		},
		"an error of Go becomes System": {fs.ErrNotExist, &spec.Error{Kind: spec.System, Err: &spec.Fault{Type: "*errors.errorString", Message: fs.ErrNotExist.Error()}}},
		"a fault becomes System":        {fault, &spec.Error{Kind: spec.System, Err: fault}},
		"wrapped by fmt, kind and fault are kept": {
			fmt.Errorf("outside: %w", died), &spec.Error{Kind: spec.ActorDied, Err: fault},
		},
		"wrapped by fmt, the kind and the whole text are kept": {
			fmt.Errorf("outside: %w", &spec.Error{Op: "find", Kind: spec.NotFound, ID: "x"}),
			&spec.Error{Kind: spec.NotFound, Err: &spec.Fault{Type: "*fmt.wrapError", Message: "outside: find x (NotFound)",
				Cause: &spec.Fault{Type: "*spec.Error", Message: "find x (NotFound)"}}},
		},
		"an error within a cause of Go is kept": {
			spec.Errorf("get", spec.TaskError, "", "it failed: %w", died),
			&spec.Error{Op: "get", Kind: spec.TaskError, Err: died},
		},
		"a fault within a cause of Go is kept": {
			spec.Errorf("get", spec.TaskError, "", "it failed: %w", fault),
			&spec.Error{Op: "get", Kind: spec.TaskError, Err: fault},
		},
		"a number outside the list becomes AnyError": {&spec.Error{Op: "x", Kind: 200}, &spec.Error{Op: "x", Kind: spec.AnyError}},
	} {
		t.Run(name, func(t *testing.T) {
			got := cross(t, c.err)
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %#v: %v\nwant %#v: %v", got, got, c.want, c.want)
			}
			if again := cross(t, got); !reflect.DeepEqual(again, got) {
				t.Errorf("over a second boundary: got %#v, want %#v", again, got)
			}
		})
	}
}

func TestEveryKindCrosses(t *testing.T) {
	for _, k := range spec.Kinds() {
		if got := cross(t, &spec.Error{Kind: k}); got.Kind != k {
			t.Errorf("%v arrives as %v", k, got.Kind)
		}
	}
}

func TestTheFormOfAnErrorIsStable(t *testing.T) {
	exit := int32(2)
	err := &spec.Error{Op: "o", Kind: spec.RPC, ID: "i", Err: &spec.Error{Kind: spec.System, Err: &spec.Fault{
		Type: "t", Message: "m", Stack: "s", Stderr: "e", Exit: &exit, Cause: &spec.Fault{Message: "c"},
	}}}
	// {1: "o", 2: "RPC", 3: "i", 5: {2: "System", 4: {1: "t", 2: "m", 3: "s", 4: "e", 5: {2: "c"}, 6: 2}}}
	const want = "a4 01616f 0263525043 036169 05a2 026653797374656d 04a6 016174 02616d 036173 046165 05a1026163 0602"
	if got := fmt.Sprintf("%x", spec.MarshalError(err)); got != strings.ReplaceAll(want, " ", "") {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// causes returns the length of the chain of *Error and of *Fault that hang below err.
func causes(err *spec.Error) (errs, faults int) {
	for e, ok := err, true; ok; e, ok = e.Err.(*spec.Error) {
		errs++
		if f, isFault := e.Err.(*spec.Fault); isFault {
			for ; f != nil; f = f.Cause {
				faults++
			}
		}
	}
	return errs, faults
}

func TestChainsOfCausesAreCutWhereTheyCross(t *testing.T) {
	var chain error = &spec.Error{Op: "bottom", Kind: spec.System}
	fault := &spec.Fault{Message: "bottom"}
	for i := range 3 * spec.MaxErrorDepth {
		chain = &spec.Error{Op: fmt.Sprint(i), Kind: spec.NotFound, Err: chain}
		fault = &spec.Fault{Message: fmt.Sprint(i), Cause: fault}
	}
	got := cross(t, chain)
	if errs, _ := causes(got); errs != spec.MaxErrorDepth+1 {
		t.Errorf("%d errors arrive, want the outermost and %d causes", errs, spec.MaxErrorDepth)
	}
	if want := fmt.Sprint(3*spec.MaxErrorDepth - 1); got.Op != want {
		t.Errorf("the outermost that arrives is %q, want %q", got.Op, want)
	}
	got = cross(t, &spec.Error{Kind: spec.TaskError, Err: fault})
	if _, faults := causes(got); faults != spec.MaxErrorDepth+1 {
		t.Errorf("%d faults arrive, want the outermost and %d causes", faults, spec.MaxErrorDepth)
	}
}

// errorWithCauses returns the form {5: {5: … {}}} of an error with n causes, which no Marshal of ours would write.
func errorWithCauses(n int) []byte {
	return append([]byte(strings.Repeat("\xa1\x05", n)), 0xa0)
}

func TestChainsOfCausesAreCutWhereTheyArrive(t *testing.T) {
	e, err := spec.UnmarshalError(errorWithCauses(100))
	if err != nil {
		t.Fatal(err)
	}
	if errs, _ := causes(e); errs != spec.MaxErrorDepth+1 {
		t.Errorf("%d errors arrive, want the outermost and %d causes", errs, spec.MaxErrorDepth)
	}
	if e, err := spec.UnmarshalError(errorWithCauses(10_000)); !errors.Is(err, spec.InvalidArgument) {
		t.Errorf("10,000 causes: got %v, %v, want InvalidArgument", e, err)
	}
}

func TestTextsAreCutAndMadeUTF8(t *testing.T) {
	for name, c := range map[string]struct {
		text, want string // want is a prefix of what arrives
	}{
		"short":                      {"grüße", "grüße"},
		"not UTF-8":                  {"a\xffb\xc3", "a\uFFFDb\uFFFD"},
		"at the limit":               {strings.Repeat("x", spec.MaxErrorText), strings.Repeat("x", spec.MaxErrorText)},
		"over the limit":             {strings.Repeat("x", spec.MaxErrorText+1), strings.Repeat("x", spec.MaxErrorText)},
		"a rune across the limit":    {strings.Repeat("x", spec.MaxErrorText-1) + "é", strings.Repeat("x", spec.MaxErrorText-1)},
		"a long rune across it":      {strings.Repeat("x", spec.MaxErrorText-2) + "😀", strings.Repeat("x", spec.MaxErrorText-2)},
		"long and not UTF-8":         {strings.Repeat("a\xff", spec.MaxErrorText), "a\uFFFDa\uFFFD"},
		"long and only odd bytes":    {strings.Repeat("\x80", 3*spec.MaxErrorText), "\uFFFD"},
		"replacements fill it up":    {strings.Repeat("\xffa", spec.MaxErrorText/2), "\uFFFDa\uFFFDa"},
		"nothing but wide runes":     {strings.Repeat("€", spec.MaxErrorText), "€€€"},
		"only text that is no error": {"\x00\n", "\x00\n"},
	} {
		t.Run(name, func(t *testing.T) {
			e := cross(t, &spec.Error{Op: c.text, Kind: spec.TaskError, ID: c.text, Err: &spec.Fault{Type: c.text, Message: c.text, Stack: c.text}})
			f := e.Err.(*spec.Fault)
			for field, got := range map[string]string{"op": e.Op, "id": e.ID, "type": f.Type, "message": f.Message, "stack": f.Stack} {
				if len(got) > spec.MaxErrorText || !utf8.ValidString(got) {
					t.Errorf("%s: %d bytes arrive, valid UTF-8 %v, want at most %d", field, len(got), utf8.ValidString(got), spec.MaxErrorText)
				}
				if !strings.HasPrefix(got, c.want) {
					t.Errorf("%s: it arrives as %.40q…, want %.40q…", field, got, c.want)
				}
			}
			if again := cross(t, e); !reflect.DeepEqual(again, e) {
				t.Error("it changes over a second boundary")
			}
			plain := cross(t, errors.New(c.text)).Err.(*spec.Fault)
			if plain.Message != f.Message {
				t.Errorf("an error of Go with that text arrives as %.40q, want %.40q", plain.Message, f.Message)
			}
		})
	}
}

func TestTheEndOfStderrIsKept(t *testing.T) {
	for name, c := range map[string]struct{ stderr, suffix string }{
		"short":               {"panic: x\n", "panic: x\n"},
		"long":                {strings.Repeat("noise\n", spec.StderrTail) + "panic: x\n", "noise\npanic: x\n"},
		"only wide runes":     {strings.Repeat("€", spec.StderrTail) + "\n", "€€\n"},
		"a rune across it":    {strings.Repeat("€", spec.StderrTail) + "\n\n", "€€\n\n"},
		"a long rune across":  {strings.Repeat("😀", spec.StderrTail) + "\n", "😀\n"},
		"long and not UTF-8":  {strings.Repeat("a\xff", spec.StderrTail) + "\n", "a\uFFFD\n"},
		"exactly at its size": {strings.Repeat("x", spec.StderrTail), strings.Repeat("x", spec.StderrTail)},
	} {
		e := cross(t, &spec.Error{Kind: spec.WorkerCrashed, Err: &spec.Fault{Stderr: c.stderr}})
		got := e.Err.(*spec.Fault).Stderr
		if len(got) > spec.StderrTail || !utf8.ValidString(got) || !strings.HasSuffix(got, c.suffix) {
			t.Errorf("%s: %d bytes arrive, valid UTF-8 %v, ending in %.20q, want at most %d ending in %.20q",
				name, len(got), utf8.ValidString(got), got[max(0, len(got)-10):], spec.StderrTail, c.suffix)
		}
		if again := cross(t, e); !reflect.DeepEqual(again, e) {
			t.Errorf("%s: it changes over a second boundary", name)
		}
	}
}

func TestMarshallingLeavesTheErrorAsItWas(t *testing.T) {
	fault := &spec.Fault{Message: strings.Repeat("x", 2*spec.MaxErrorText), Cause: &spec.Fault{Message: "\xff"}}
	spec.MarshalError(&spec.Error{Kind: spec.TaskError, Err: fault})
	if len(fault.Message) != 2*spec.MaxErrorText || fault.Cause.Message != "\xff" {
		t.Errorf("the fault was changed: %d bytes, cause %q", len(fault.Message), fault.Cause.Message)
	}
}

func TestAnErrorOfANewerPeerIsRead(t *testing.T) {
	form, err := spec.Marshal(map[int]any{1: "call", 2: "FromTheFuture", 4: map[int]any{2: "it broke", 99: []int{1}}, 99: "new"})
	if err != nil {
		t.Fatal(err)
	}
	e, err := spec.UnmarshalError(form)
	want := &spec.Error{Op: "call", Kind: spec.AnyError, Err: &spec.Fault{Message: "it broke"}}
	if err != nil || !reflect.DeepEqual(e, want) {
		t.Errorf("got %#v, %v, want %#v", e, err, want)
	}
}

func TestWhatIsNoErrorIsRefused(t *testing.T) {
	for name, form := range map[string]string{
		"nothing":          "",
		"a list":           "\x80",
		"a text":           "\x61x",
		"a number as kind": "\xa1\x02\x01",
		"cut short":        "\xa1\x02\x65Syst",
		"two errors":       "\xa0\xa0",
		"a kind twice":     "\xa2\x02\x63RPC\x02\x63RPC",
		"text not UTF-8":   "\xa1\x01\x61\xff",
	} {
		if e, err := spec.UnmarshalError([]byte(form)); e != nil || !errors.Is(err, spec.InvalidArgument) {
			t.Errorf("%s: got %v, %v, want InvalidArgument", name, e, err)
		}
	}
}
