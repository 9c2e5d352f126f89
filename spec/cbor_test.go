package spec_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/raywasm/raywasm/spec"
)

// recode encodes v and decodes the bytes.
func recode[T any](t *testing.T, v T) T {
	t.Helper()
	form, err := spec.Marshal(v)
	if err != nil {
		t.Fatalf("encode %+v: %v", v, err)
	}
	var back T
	if err := spec.Unmarshal(form, &back); err != nil {
		t.Fatalf("decode %x, the form of %+v: %v", form, v, err)
	}
	return back
}

// allocated returns how many bytes f allocated, freed or not.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// list is the CBOR of an array of n times item.
func list(n int, item string) string {
	head := binary.BigEndian.AppendUint32([]byte{0x9a}, uint32(n))
	return string(head) + strings.Repeat(item, n)
}

// unhex reads hex digits, which may be grouped by blanks.
func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEncodingIsCoreDeterministic(t *testing.T) {
	for _, c := range []struct {
		value any
		want  string
	}{
		{nil, "f6"},
		{0, "00"}, {23, "17"}, {24, "1818"}, {255, "18ff"}, {256, "190100"}, {65536, "1a00010000"}, {uint64(1 << 32), "1b0000000100000000"}, {-1, "20"}, {-500, "3901f3"},
		{0.0, "f90000"}, {math.Copysign(0, -1), "f98000"}, {1.0, "f93c00"}, {1.5, "f93e00"}, {100000.0, "fa47c35000"}, {1.1, "fb3ff199999999999a"},
		{math.NaN(), "f97e00"}, {math.Float64frombits(0xfff8000000000001), "f97e00"}, {math.Inf(1), "f97c00"}, {float32(math.Inf(-1)), "f9fc00"},
		{"", "60"}, {"grüße", "67 6772c3bcc39f65"}, {[]byte{1, 2}, "420102"}, {[]int{1, 2}, "820102"}, {true, "f5"},
		{map[string]int{"b": 1, "aa": 2, "a": 3, "": 4}, "a4 60 04 6161 03 6162 01 626161 02"},
		{map[int]int{256: 1, -1: 2, 24: 3, 10: 4}, "a4 0a 04 1818 03 190100 01 20 02"},
		{time.Date(2024, 5, 6, 7, 8, 9, 10, time.UTC), "c0 78 1d 323032342d30352d30365430373a30383a30392e30303030303030315a"},
		{spec.NotFound, "68 4e6f74466f756e64"},
		{spec.JobNumber(1), "44 01000000"},
		{spec.TaskOptions{Priority: new(int32(-1)), Name: new("n"), Custom: map[string]spec.Quantity{"bb": 1, "a": 2}}, "a3 01 616e 05 a2 6161 02 626262 01 0b 20"},
		{spec.ActorOptions{}, "a0"},
		{spec.Self{Job: "j", Task: "t", Node: "n", Namespace: "s", Module: "m", Attempt: 1, Resources: spec.Resources{CPU: 1}}, "a7 01616a 026174 04616e 056173 0701 08a10101 0a616d"},
	} {
		got, err := spec.Marshal(c.value)
		if want := unhex(t, c.want); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%v: got %x, %v, want %x", c.value, got, err, want)
		}
	}
}

func TestEqualMapsGiveEqualBytes(t *testing.T) {
	forms := make(map[string]bool)
	for range 20 {
		m := make(map[string]int)
		for i := range 100 {
			m[fmt.Sprint(i)] = i
		}
		form, err := spec.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		forms[string(form)] = true
	}
	if len(forms) != 1 {
		t.Errorf("one map has %d forms", len(forms))
	}
}

func TestWhatHasNoFormIsUnserializable(t *testing.T) {
	for name, v := range map[string]any{"a channel": make(chan int), "a function": func() {}, "within": []any{make(chan int)}} {
		form, err := spec.Marshal(v)
		var e *spec.Error
		if !errors.As(err, &e) || e.Kind != spec.Unserializable || e.ID != reflect.TypeOf(v).String() {
			t.Errorf("%s: got %x, %v, want Unserializable that names %T", name, form, err, v)
		}
	}
}

func TestDecodingIsStrict(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("81", n) + "00" }
	for name, c := range map[string]struct {
		into      func() any
		good, bad string // the bad form differs in what the name says
	}{
		"a duplicate key":                   {into[map[string]int], "a2 6161 01 6162 01", "a2 6161 01 6161 01"},
		"a duplicate key in a struct":       {into[spec.TaskOptions], "a2 02 01 03 01", "a2 02 01 02 01"},
		"a duplicate key nobody knows":      {into[spec.TaskOptions], "a2 1863 01 1864 01", "a2 1863 01 1863 01"},
		"a duplicate key in two lengths":    {into[spec.TaskOptions], "a2 02 01 03 01", "a2 02 01 1802 01"},
		"a list of indefinite length":       {into[any], "81 00", "9f 00 ff"},
		"a map of indefinite length":        {into[any], "a1 6161 00", "bf 6161 00 ff"},
		"a text of indefinite length":       {into[any], "61 61", "7f 6161 ff"},
		"bytes of indefinite length":        {into[any], "41 61", "5f 4161 ff"},
		"nesting too deep":                  {into[any], nested(spec.MaxNesting), nested(spec.MaxNesting + 1)},
		"a text that is not UTF-8":          {into[any], "62 c3bc", "62 c328"},
		"a field that is not UTF-8":         {into[spec.TaskOptions], "a1 01 61 61", "a1 01 61 ff"},
		"a key that is not UTF-8":           {into[map[string]int], "a1 6161 01", "a1 61ff 01"},
		"a surrogate":                       {into[any], "63 efbfbd", "63 eda080"},
		"trailing bytes":                    {into[any], "00", "00 00"},
		"nothing":                           {into[any], "f6", ""},
		"a list cut short":                  {into[any], "82 01 02", "82 01"},
		"a list of 2^32 that is not there":  {into[any], "80", "9b 0000000100000000 00"},
		"bytes of 2^63 that are not there":  {into[any], "40", "5b 8000000000000000 00"},
		"a reserved length":                 {into[any], "18 20", "1c 20"},
		"bytes for a text":                  {into[string], "61 61", "41 61"},
		"a text for bytes":                  {into[[]byte], "41 61", "61 61"},
		"bytes for a key":                   {into[map[string]int], "a1 6161 01", "a1 4161 01"},
		"a number for a key":                {into[any], "a1 6161 01", "a1 01 01"},
		"a number beyond its type":          {into[int8], "18 7f", "18 80"},
		"a bignum beyond its type":          {into[int64], "c2 41 01", "c2 49 010000000000000000"},
		"a negative number without a sign":  {into[uint8], "00", "20"},
		"a float for an integer":            {into[spec.Quantity], "01", "f9 3c00"},
		"a list for a struct":               {into[spec.ActorOptions], "a0", "80"},
		"a text for a struct's list":        {into[spec.Description], "a1 03 80", "a1 03 60"},
		"a number for a list's struct":      {into[spec.Description], "a1 03 81 a0", "a1 03 81 00"},
		"a second list of functions":        {into[spec.Description], "a2 03 80 04 80", "a2 03 80 03 80"},
		"an unassigned simple value":        {into[bool], "f5", "f8 ff"},
		"a simple value in too many bytes":  {into[any], "f5", "f8 15"},
		"a break where there is nothing":    {into[any], "00", "ff"},
		"a tag around nothing":              {into[any], "d9 d9f9 00", "d9 d9f9"},
		"a tagged time that is not a time":  {into[time.Time], "c0 74 323032342d30352d30365430373a30383a30395a", "c0 61 61"},
		"an actor's name of another type":   {into[spec.ActorOptions], "a1 01 61 61", "a1 01 01"},
		"a resource's amount of other type": {into[spec.Self], "a1 08 a1 04 a1 6161 01", "a1 08 a1 04 a1 6161 6161"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := spec.Unmarshal(unhex(t, c.good), c.into()); err != nil {
				t.Errorf("the good form %s is refused: %v", c.good, err)
			}
			v := c.into()
			err := spec.Unmarshal(unhex(t, c.bad), v)
			var e *spec.Error
			if !errors.As(err, &e) || e.Kind != spec.InvalidArgument || e.ID != reflect.TypeOf(v).Elem().String() {
				t.Errorf("the bad form %s gives %v, %v, want InvalidArgument that names the type", c.bad, v, err)
			}
		})
	}
}

func into[T any]() any { return new(T) }

func TestDecodingSkipsTheFieldsOfANewerPeer(t *testing.T) {
	var o spec.TaskOptions
	if err := spec.Unmarshal(unhex(t, "a3 01 616e 1863 82 01 02 6378797a f6"), &o); err != nil || o.Name == nil || *o.Name != "n" {
		t.Errorf("got %+v, %v, want the name and no error", o, err)
	}
}

func TestDecodingNeedsAPlaceToDecodeInto(t *testing.T) {
	for name, v := range map[string]any{"nil": nil, "no pointer": 1, "a nil pointer": (*int)(nil)} {
		if err := spec.Unmarshal([]byte{0}, v); !errors.Is(err, spec.InvalidArgument) {
			t.Errorf("%s: got %v, want InvalidArgument", name, err)
		}
	}
}

func TestWellFormedIsOneItemWithinTheLimits(t *testing.T) {
	for name, c := range map[string]struct {
		form string
		good bool
	}{
		"a number":                    {"00", true},
		"a tag":                       {"d9 d9f9 00", true},
		"at the limit of nesting":     {strings.Repeat("81", spec.MaxNesting) + "00", true},
		"beyond the limit of nesting": {strings.Repeat("81", spec.MaxNesting+1) + "00", false},
		"nested tags beyond it":       {strings.Repeat("c1", spec.MaxNesting+2) + "00", false},
		"nothing":                     {"", false},
		"trailing bytes":              {"00 00", false},
		"indefinite length":           {"9f ff", false},
		"cut short":                   {"82 00", false},
		"a reserved length":           {"1f", false},
	} {
		if err := spec.WellFormed(unhex(t, c.form)); (err == nil) != c.good || err != nil && !errors.Is(err, spec.InvalidArgument) {
			t.Errorf("%s: got %v, want well-formed %v", name, err, c.good)
		}
	}
}

// TestAHostileFormCostsLittle measures what doc.go promises: no more than a small multiple of the input.
func TestAHostileFormCostsLittle(t *testing.T) {
	const multiple = 128
	for name, c := range map[string]struct {
		into any
		form string
	}{
		"empty lists":        {new(any), list(spec.MiB, "\x80")},
		"empty maps":         {new(any), list(spec.MiB, "\xa0")},
		"empty texts":        {new(any), list(spec.MiB, "\x60")},
		"numbers":            {new(any), list(spec.MiB, "\x20")},
		"2^32 elements":      {new(any), "\x9b\x00\x00\x00\x01\x00\x00\x00\x00\x00"},
		"2^26 elements":      {new(any), "\x9a\x04\x00\x00\x00\x00"},
		"2^26 pairs":         {new(any), "\xba\x04\x00\x00\x00\x00"},
		"2^62 bytes":         {new(any), "\x5b\x40\x00\x00\x00\x00\x00\x00\x00\x00"},
		"functions":          {new(spec.Description), "\xa1\x03" + list(spec.MiB, "\xa0")},
		"classes":            {new(spec.Description), "\xa1\x04" + list(spec.MiB, "\xa0")},
		"methods":            {new(spec.Description), "\xa1\x04" + list(64, "\xa1\x03"+list(spec.MiB/64, "\xa0"))},
		"classes of nothing": {new(spec.Description), "\xa1\x04" + list(spec.MiB, "\xf6")},
		"params":             {new(spec.Description), "\xa1\x03\x81\xa1\x02" + list(spec.MiB, "\x60")},
		"unknown fields":     {new(spec.TaskOptions), "\xa1\x18\x63" + list(spec.MiB, "\xa0")},
		"one long name":      {new(spec.ActorOptions), "\xa1\x01\x7a\x00\x10\x00\x00" + strings.Repeat("n", spec.MiB)},
	} {
		used := allocated(func() { _ = spec.Unmarshal([]byte(c.form), c.into) })
		if limit := int64(len(c.form)*multiple + 64*spec.KiB); used > limit {
			t.Errorf("%s: %d bytes of input use %s, want at most %d times as much", name, len(c.form), spec.FormatBytes(used), multiple)
		}
	}
}

func TestADecodingErrorIsShort(t *testing.T) {
	key := "\x7a\x00\x10\x00\x00" + strings.Repeat("k", spec.MiB)
	err := spec.Unmarshal([]byte("\xa2"+key+"\x01"+key+"\x01"), new(map[string]int))
	if !errors.Is(err, spec.InvalidArgument) {
		t.Fatalf("a key of 1 MiB twice: got %v, want InvalidArgument", err)
	}
	if n := len(err.Error()); n > spec.MaxErrorText+spec.KiB {
		t.Errorf("the error has %d bytes, want about %d at most", n, spec.MaxErrorText)
	}
}
