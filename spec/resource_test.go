package spec_test

import (
	"errors"
	"math"
	"strconv"
	"testing"

	"github.com/raywasm/raywasm/spec"
)

func TestQReadsWhatIsNoFinerThanATenThousandth(t *testing.T) {
	for n, want := range map[float64]spec.Quantity{
		0: 0, math.Copysign(0, -1): 0, 0.0001: 1, 0.1: 1000, 0.2: 2000, 0.3: 3000, 0.5: 5000, 0.7: 7000, 1: 10_000, 1.1: 11_000,
		4.35: 43_500, 1e6 + 0.1: 10_000_001_000, 123_456_789.0123: 1_234_567_890_123, 1e12: 1e16, 1 << 40: 10_000 << 40,
	} {
		if got, err := spec.Q(n); err != nil || got != want {
			t.Errorf("Q(%v) is %d, %v, want %d", n, got, err, want)
		}
	}
	for _, n := range []float64{
		-1, -0.0001, math.NaN(), math.Inf(1), math.Inf(-1), 1<<40 + 1, math.MaxFloat64,
		1e-5, 0.00005, 0.00015, 1.00005, 99.99995, 100.00005, 1234.56785, 1_000_000.00005, 1.0 / 3,
	} {
		if got, err := spec.Q(n); !errors.Is(err, spec.InvalidArgument) {
			t.Errorf("Q(%v) is %d, %v, want InvalidArgument", n, got, err)
		}
	}
}

func TestEveryQuantityIsReadFromItsText(t *testing.T) {
	for q := spec.Quantity(0); q < 10_000<<39; q = q*7/5 + 1 { // beyond, a float64 is coarser than a Quantity
		n, err := strconv.ParseFloat(q.String(), 64)
		if err != nil {
			t.Fatal(err)
		}
		back, err := spec.Q(n)
		if err != nil || back != q {
			t.Errorf("%d prints as %s, which is read as %d, %v", q, q, back, err)
		}
	}
}

func TestQuantitiesPrintInWholeUnits(t *testing.T) {
	for q, want := range map[spec.Quantity]string{0: "0", 1: "0.0001", 5000: "0.5", 10_000: "1", 12_500: "1.25", -5000: "-0.5", 1e10: "1000000"} {
		if got := q.String(); got != want {
			t.Errorf("%d prints as %s, want %s", q, got, want)
		}
	}
}

func TestResourcesPrintAsRaysStatus(t *testing.T) {
	for want, r := range map[string]spec.Resources{
		"{}": {},
		"{CPU: 1, GPU: 0.5, memory: 500 MiB, a: 2, b: 0}": {
			CPU: spec.Unit, GPU: spec.Unit / 2, Memory: 500 * spec.MiB, Custom: map[string]spec.Quantity{"b": 0, "a": 2 * spec.Unit},
		},
	} {
		if got := r.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestResourcesThatAskForNothing(t *testing.T) {
	for _, r := range []spec.Resources{{}, {Custom: map[string]spec.Quantity{}}} {
		if !r.IsZero() {
			t.Errorf("%#v asks for something", r)
		}
	}
	for _, r := range []spec.Resources{{CPU: 1}, {GPU: 1}, {Memory: 1}, {Custom: map[string]spec.Quantity{"x86": 0}}} {
		if r.IsZero() {
			t.Errorf("%v asks for nothing", r)
		}
	}
}

func TestFormatBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1: "1 B", -5: "-5 B", 1023: "1023 B", 1024: "1 KiB", 1536: "1.5 KiB", 100 * spec.KiB: "100 KiB",
		3 * spec.MiB / 2: "1.5 MiB", spec.GiB: "1 GiB", spec.GiB + spec.GiB/3: "1.3 GiB", 1 << 40: "1 TiB", 1 << 60: "1048576 TiB",
	} {
		if got := spec.FormatBytes(n); got != want {
			t.Errorf("%d prints as %q, want %q", n, got, want)
		}
	}
}

func TestParseBytes(t *testing.T) {
	for s, want := range map[string]int64{
		"0": 0, "1536": 1536, " 7 ": 7, "7B": 7, "7 B": 7, "1e3": 1000, "1K": 1 << 10, "1KB": 1 << 10, "1KiB": 1 << 10, "1.5GiB": 3 << 29,
		"100 MiB": 100 << 20, "2G": 2 << 30, "500M": 500 << 20, "1 TB": 1 << 40, ".5K": 512, "1048576TiB": 1 << 60,
	} {
		if got, err := spec.ParseBytes(s); err != nil || got != want {
			t.Errorf("%q reads as %d, %v, want %d", s, got, err, want)
		}
	}
	for _, s := range []string{
		"", " ", "B", "KiB", "-1", "-1 KiB", "NaN", "NaNKiB", "Inf", "+InfB", "1e400", "1048577TiB", "1152921504606847232", "1 KiB B", "1KK", "1kib", "1 P",
		"one", "1,5G", "1 2", "0x",
	} {
		if got, err := spec.ParseBytes(s); !errors.Is(err, spec.InvalidArgument) {
			t.Errorf("%q reads as %d, %v, want InvalidArgument", s, got, err)
		}
	}
}

func TestSizesAreReadAsTheyPrint(t *testing.T) {
	for _, unit := range []int64{1, spec.KiB, spec.MiB, spec.GiB, 1 << 40} {
		for _, half := range []int64{0, 2, 3, 15, 200, 2046} { // in halves of the unit
			n := half * unit / 2
			if got, err := spec.ParseBytes(spec.FormatBytes(n)); err != nil || got != n {
				t.Errorf("%d prints as %q, which is read as %d, %v", n, spec.FormatBytes(n), got, err)
			}
		}
	}
}
