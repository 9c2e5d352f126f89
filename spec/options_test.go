package spec_test

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/raywasm/raywasm/spec"
)

func quantity(units float64) *spec.Quantity { return new(spec.Quantity(units * float64(spec.Unit))) }

var longName = strings.Repeat("n", spec.MaxNameBytes+1)

// said and base have every option said, and differently.
var (
	said = spec.TaskOptions{
		Name: new("said"), CPUs: quantity(2), GPUs: quantity(0.5), Memory: new(int64(1)), Custom: map[string]spec.Quantity{"said": 1},
		Returns: new(int32(2)), MaxRetries: new(int32(-1)), RetryExceptions: new(false), Timeout: new(time.Second), Deadline: new(int64(1)), Priority: new(int32(1)), Group: new("said"),
		Streaming: new(false), StreamAhead: new(int32(1)), RetryOn: []string{"said"}, RetryDelay: new(time.Second),
		Placement: &spec.Placement{Spread: true},
	}
	base = spec.TaskOptions{
		Name: new("base"), CPUs: quantity(3), GPUs: quantity(1), Memory: new(int64(2)), Custom: map[string]spec.Quantity{"base": 1},
		Returns: new(int32(3)), MaxRetries: new(int32(3)), RetryExceptions: new(true), Timeout: new(time.Minute), Deadline: new(int64(2)), Priority: new(int32(2)), Group: new("base"),
		Streaming: new(false), StreamAhead: new(int32(2)), RetryOn: []string{"base"}, RetryDelay: new(time.Minute),
		Placement: &spec.Placement{Labels: map[string]string{"a": "b"}},
	}
	saidActor = spec.ActorOptions{
		Name: "said", Namespace: "said", GetIfExists: true, Lifetime: spec.LifetimeDetached,
		CPUs: quantity(2), GPUs: quantity(0.5), Memory: new(int64(1)), Custom: map[string]spec.Quantity{"said": 1},
		MaxRestarts: new(int32(1)), MaxTaskRetries: new(int32(1)), MaxPendingCalls: new(int32(1)), Priority: new(int32(1)),
		Checkpoint: &spec.CheckpointPolicy{Calls: 1}, MaxConcurrency: new(int32(1)), Groups: map[string]int32{"said": 1}, ExactlyOnce: new(false), SleepAfter: new(time.Second),
		Placement: &spec.Placement{Spread: true},
	}
	baseActor = spec.ActorOptions{
		Name: "base", Namespace: "base", GetIfExists: true, Lifetime: "other",
		CPUs: quantity(3), GPUs: quantity(1), Memory: new(int64(2)), Custom: map[string]spec.Quantity{"base": 1},
		MaxRestarts: new(int32(2)), MaxTaskRetries: new(int32(2)), MaxPendingCalls: new(int32(2)), Priority: new(int32(2)),
		Checkpoint: &spec.CheckpointPolicy{Idle: true}, MaxConcurrency: new(int32(2)), Groups: map[string]int32{"base": 2}, ExactlyOnce: new(false), SleepAfter: new(time.Minute),
		Placement: &spec.Placement{Labels: map[string]string{"a": "b"}},
	}
)

func TestOverTakesEachOptionFromTheFirstThatSaysIt(t *testing.T) {
	testOver(t, said, base, spec.TaskOptions.Over)
	testOver(t, saidActor, baseActor, spec.ActorOptions.Over)
}

// testOver lays every field of said over base alone.
func testOver[T any](t *testing.T, said, base T, over func(T, T) T) {
	t.Helper()
	var none T
	if got := over(none, base); !reflect.DeepEqual(got, base) {
		t.Errorf("%T that say nothing over the base: got %+v, want the base", none, got)
	}
	if got := over(said, none); !reflect.DeepEqual(got, said) {
		t.Errorf("%T over none: got %+v, want them unchanged", none, got)
	}
	fields := reflect.TypeFor[T]()
	for i := range fields.NumField() {
		name := fields.Field(i).Name
		if reflect.ValueOf(said).Field(i).IsZero() || reflect.ValueOf(base).Field(i).IsZero() {
			t.Errorf("this test does not say %T.%s", none, name)
		}
		one, want := none, base
		reflect.ValueOf(&one).Elem().Field(i).Set(reflect.ValueOf(said).Field(i))
		reflect.ValueOf(&want).Elem().Field(i).Set(reflect.ValueOf(said).Field(i))
		if got := over(one, base); !reflect.DeepEqual(got, want) {
			t.Errorf("only %s said: got %+v, want %+v", name, got, want)
		}
	}
}

func TestOptionsAreSilentThatSayNothing(t *testing.T) {
	if none := (spec.TaskOptions{}); !none.Silent() {
		t.Error("no options say something")
	}
	for i := range reflect.TypeFor[spec.TaskOptions]().NumField() {
		var one spec.TaskOptions
		reflect.ValueOf(&one).Elem().Field(i).Set(reflect.ValueOf(said).Field(i))
		if one.Silent() {
			t.Errorf("%+v say nothing", one)
		}
	}
}

func TestAnEmptyMapSaysThatThereAreNone(t *testing.T) {
	none := map[string]spec.Quantity{}
	if got := (spec.TaskOptions{Custom: none}).Over(base).Custom; got == nil || len(got) != 0 {
		t.Errorf("task: got %v, want no custom resources", got)
	}
	if got := (spec.ActorOptions{Custom: none}).Over(baseActor).Custom; got == nil || len(got) != 0 {
		t.Errorf("actor: got %v, want no custom resources", got)
	}
}

func TestOptionsCrossABoundary(t *testing.T) {
	none := map[string]spec.Quantity{}
	for name, o := range map[string]spec.TaskOptions{
		"nothing said": {}, "everything said": said, "zeros said": {CPUs: quantity(0), Memory: new(int64), Returns: new(int32), Name: new("")},
		"no custom resources said": {Custom: none},
	} {
		if got := recode(t, o); !reflect.DeepEqual(got, o) {
			t.Errorf("task, %s: %+v arrives as %+v", name, o, got)
		}
	}
	for name, o := range map[string]spec.ActorOptions{
		"nothing said": {}, "everything said": saidActor, "zeros said": {CPUs: quantity(0), Memory: new(int64), MaxRestarts: new(int32)},
		"no custom resources said": {Custom: none},
	} {
		if got := recode(t, o); !reflect.DeepEqual(got, o) {
			t.Errorf("actor, %s: %+v arrives as %+v", name, o, got)
		}
	}
}

// refuses fails unless err is of the kind and names the thing.
func refuses(t *testing.T, what string, err error, kind spec.Kind, names string) {
	t.Helper()
	var e *spec.Error
	if !errors.As(err, &e) || e.Kind != kind || !strings.Contains(err.Error(), names) {
		t.Errorf("%s: got %v, want %v that names %q", what, err, kind, names)
	}
}

func manyKinds(n int) map[string]spec.Quantity {
	m := make(map[string]spec.Quantity, n)
	for i := range n {
		m[strings.Repeat("k", i+1)] = 1
	}
	return m
}

// wrongResources are what resources, and the options that hold them, refuse; names is what the error says of it.
var wrongResources = []struct {
	resources spec.Resources
	kind      spec.Kind
	names     string
}{
	{spec.Resources{CPU: -1}, spec.InvalidArgument, "CPU"},
	{spec.Resources{GPU: -1}, spec.InvalidArgument, "GPU"},
	{spec.Resources{GPU: spec.Unit + 1}, spec.InvalidArgument, "GPU"},
	{spec.Resources{GPU: 5 * spec.Unit / 2}, spec.InvalidArgument, "GPU: 2.5"},
	{spec.Resources{Memory: -1}, spec.InvalidArgument, "memory"},
	{spec.Resources{Custom: map[string]spec.Quantity{"x86": -1}}, spec.InvalidArgument, "x86"},
	{spec.Resources{Custom: map[string]spec.Quantity{"": 1}}, spec.InvalidArgument, "custom resource's name"},
	{spec.Resources{Custom: map[string]spec.Quantity{longName: 1}}, spec.InvalidArgument, "custom resource's name"},
	{spec.Resources{Custom: map[string]spec.Quantity{"CPU": 1}}, spec.InvalidArgument, "CPU"},
	{spec.Resources{Custom: map[string]spec.Quantity{"GPU": 1}}, spec.InvalidArgument, "GPU"},
	{spec.Resources{Custom: map[string]spec.Quantity{"memory": 1}}, spec.InvalidArgument, "memory"},
	{spec.Resources{Custom: manyKinds(spec.MaxResourceKinds + 1)}, spec.LimitExceeded, "custom resources"},
}

func TestResourcesOutOfRangeAreRefused(t *testing.T) {
	for _, c := range wrongResources {
		r := c.resources
		refuses(t, r.String(), r.Check(), c.kind, c.names)
		o := spec.TaskOptions{CPUs: &r.CPU, GPUs: &r.GPU, Memory: &r.Memory, Custom: r.Custom}
		refuses(t, "task that holds "+r.String(), o.Check(), c.kind, c.names)
		a := spec.ActorOptions{CPUs: &r.CPU, GPUs: &r.GPU, Memory: &r.Memory, Custom: r.Custom}
		refuses(t, "actor that holds "+r.String(), a.Check(), c.kind, c.names)
	}
}

func TestResourcesWithinRangeAreAccepted(t *testing.T) {
	for _, r := range []spec.Resources{
		{},
		{CPU: 1, GPU: 1, Memory: 1},
		{CPU: math.MaxInt64, GPU: spec.Unit, Memory: math.MaxInt64},
		{GPU: 8 * spec.Unit, Custom: map[string]spec.Quantity{longName[1:]: 0, "cpu": spec.Unit + 1}},
		{Custom: manyKinds(spec.MaxResourceKinds)},
	} {
		if err := r.Check(); err != nil {
			t.Errorf("%v: %v", r, err)
		}
	}
}

func TestTaskOptionsOutOfRangeAreRefused(t *testing.T) {
	for _, c := range []struct {
		options spec.TaskOptions
		names   string
	}{
		{spec.TaskOptions{Name: &longName}, "name"},
		{spec.TaskOptions{Memory: new(int64(spec.MaxSandboxMemory + 1))}, "memory"},
		{spec.TaskOptions{Memory: new(int64(math.MaxInt64))}, "memory"},
		{spec.TaskOptions{Returns: new(int32(-1))}, "returns"},
		{spec.TaskOptions{StreamAhead: new(int32(-1))}, "stream_ahead"},
		{spec.TaskOptions{RetryOn: []string{""}}, "retry_on"},
		{spec.TaskOptions{RetryOn: make([]string, spec.MaxRetryOn+1)}, "retry_on"},
		{spec.TaskOptions{RetryDelay: new(-time.Second)}, "retry_delay"},
		{spec.TaskOptions{RetryDelay: new(spec.MaxRetryDelay + 1)}, "retry_delay"},
		{spec.TaskOptions{Returns: new(int32(spec.MaxReturns + 1))}, "returns"},
		{spec.TaskOptions{MaxRetries: new(int32(-2))}, "max_retries"},
		{spec.TaskOptions{Timeout: new(time.Duration(0))}, "timeout"},
		{spec.TaskOptions{Timeout: new(time.Duration(-1))}, "timeout"},
	} {
		err := c.options.Check()
		refuses(t, c.names, err, spec.InvalidArgument, c.names)
		if e := (*spec.Error)(nil); errors.As(err, &e) && e.ID != c.names {
			t.Errorf("%v names %q, want the option %q", err, e.ID, c.names)
		}
	}
}

func TestTaskOptionsWithinRangeAreAccepted(t *testing.T) {
	for name, o := range map[string]spec.TaskOptions{
		"nothing said": {}, "everything said": said, "the other base": base,
		"the lowest": {
			Name: new(""), CPUs: quantity(0), GPUs: quantity(0), Memory: new(int64), Returns: new(int32), MaxRetries: new(int32(-1)),
			Timeout: new(time.Duration(1)), Deadline: new(int64), Priority: new(int32(math.MinInt32)),
		},
		"the highest": {
			Name: new(longName[1:]), Memory: new(int64(spec.MaxSandboxMemory)), Returns: new(int32(spec.MaxReturns)), MaxRetries: new(int32(math.MaxInt32)),
			Timeout: new(time.Duration(math.MaxInt64)), Deadline: new(int64(math.MaxInt64)), Priority: new(int32(math.MaxInt32)),
		},
	} {
		if err := o.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestActorOptionsOutOfRangeAreRefused(t *testing.T) {
	for _, c := range []struct {
		options spec.ActorOptions
		names   string
	}{
		{spec.ActorOptions{Name: longName}, "name"},
		{spec.ActorOptions{Namespace: longName}, "namespace"},
		{spec.ActorOptions{GetIfExists: true}, "get_if_exists"},
		{spec.ActorOptions{Lifetime: "forever"}, "lifetime"},
		{spec.ActorOptions{Memory: new(int64(spec.MaxSandboxMemory + 1))}, "memory"},
		{spec.ActorOptions{MaxRestarts: new(int32(-2))}, "max_restarts"},
		{spec.ActorOptions{MaxTaskRetries: new(int32(-2))}, "max_task_retries"},
		{spec.ActorOptions{MaxPendingCalls: new(int32(-2))}, "max_pending_calls"},
		{spec.ActorOptions{MaxPendingCalls: new(int32(0))}, "max_pending_calls"},
		{spec.ActorOptions{Checkpoint: &spec.CheckpointPolicy{Calls: -1}}, "checkpoint"},
		{spec.ActorOptions{MaxConcurrency: new(int32(0))}, "max_concurrency"},
		{spec.ActorOptions{MaxConcurrency: new(int32(spec.MaxConcurrency + 1))}, "max_concurrency"},
		{spec.ActorOptions{Groups: map[string]int32{"io": 0}}, `concurrency group "io"`},
		{spec.ActorOptions{ExactlyOnce: new(true), MaxConcurrency: new(int32(2))}, "exactly_once"},
		{spec.ActorOptions{SleepAfter: new(time.Duration(0))}, "sleep_after"},
		{spec.ActorOptions{Groups: map[string]int32{"": 1}}, `concurrency group ""`},
		{spec.ActorOptions{Checkpoint: &spec.CheckpointPolicy{Interval: -1}}, "checkpoint"},
	} {
		err := c.options.Check()
		refuses(t, c.names, err, spec.InvalidArgument, c.names)
		if e := (*spec.Error)(nil); errors.As(err, &e) && e.ID != c.names {
			t.Errorf("%v names %q, want the option %q", err, e.ID, c.names)
		}
	}
}

func TestActorOptionsWithinRangeAreAccepted(t *testing.T) {
	for name, o := range map[string]spec.ActorOptions{
		"nothing said": {}, "everything said": saidActor,
		"the lowest": {
			CPUs: quantity(0), Memory: new(int64), MaxRestarts: new(int32(-1)), MaxTaskRetries: new(int32(-1)), MaxPendingCalls: new(int32(-1)),
			Priority: new(int32(math.MinInt32)),
		},
		"the highest": {
			Name: longName[1:], Namespace: longName[1:], Memory: new(int64(spec.MaxSandboxMemory)), MaxRestarts: new(int32(math.MaxInt32)),
			MaxTaskRetries: new(int32(math.MaxInt32)), MaxPendingCalls: new(int32(math.MaxInt32)), Priority: new(int32(math.MaxInt32)),
		},
	} {
		if err := o.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestATaskHoldsWhatItSays(t *testing.T) {
	if got, want := (spec.TaskOptions{}).Resources(spec.Unit), (spec.Resources{CPU: spec.Unit}); !reflect.DeepEqual(got, want) {
		t.Errorf("nothing said: it holds %v, want %v", got, want)
	}
	if got := (spec.TaskOptions{CPUs: quantity(0)}).Resources(spec.Unit); !got.IsZero() {
		t.Errorf("0 CPUs said: it holds %v, want nothing", got)
	}
	want := spec.Resources{CPU: 2 * spec.Unit, GPU: spec.Unit / 2, Memory: 1, Custom: said.Custom}
	if got := said.Resources(spec.Unit); !reflect.DeepEqual(got, want) {
		t.Errorf("everything said: it holds %v, want %v", got, want)
	}
}

func TestAnActorIsPlacedOnOneCPUAndHoldsWhatItSays(t *testing.T) {
	custom := map[string]spec.Quantity{"x86": 1}
	for name, c := range map[string]struct {
		options     spec.ActorOptions
		place, hold spec.Resources
	}{
		"nothing said": {spec.ActorOptions{}, spec.Resources{CPU: spec.Unit}, spec.Resources{}},
		"no CPUs said": {
			spec.ActorOptions{GPUs: quantity(1), Memory: new(int64(7)), Custom: custom},
			spec.Resources{CPU: spec.Unit, GPU: spec.Unit, Memory: 7, Custom: custom},
			spec.Resources{GPU: spec.Unit, Memory: 7, Custom: custom},
		},
		"0 CPUs said": {spec.ActorOptions{CPUs: quantity(0)}, spec.Resources{}, spec.Resources{}},
		"2 CPUs said": {spec.ActorOptions{CPUs: quantity(2)}, spec.Resources{CPU: 2 * spec.Unit}, spec.Resources{CPU: 2 * spec.Unit}},
	} {
		place, hold := c.options.Resources()
		if !reflect.DeepEqual(place, c.place) || !reflect.DeepEqual(hold, c.hold) {
			t.Errorf("%s: placed on %v holding %v, want %v holding %v", name, place, hold, c.place, c.hold)
		}
	}
}

func TestPlacements(t *testing.T) {
	id := strings.Repeat("ab", 28)
	group, last, beyond, negative := strings.Repeat("ab", 18), int32(spec.MaxBundles-1), int32(spec.MaxBundles), int32(-1)
	for _, good := range []spec.Placement{
		{}, {Spread: true}, {Node: id}, {Node: id, Soft: true}, {Labels: map[string]string{"zone": "in(a,b)"}},
		{Group: group}, {Group: group, Bundle: &last, Capture: true},
	} {
		if err := good.Check(); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
	for _, bad := range []spec.Placement{
		{Node: "xy"}, {Node: id + "ab"}, {Node: id, Spread: true}, {Soft: true},
		{Labels: map[string]string{longName: "a"}}, {Fallback: make([]map[string]string, spec.MaxFallbacks+1)}, {Fallback: []map[string]string{{"a": longName}}},
		{Group: "xy"}, {Group: group + "ab"}, {Bundle: &last}, {Capture: true}, {Group: group, Bundle: &beyond}, {Group: group, Bundle: &negative},
		{Group: group, Spread: true}, {Group: group, Node: id}, {Group: group, Labels: map[string]string{"zone": "a"}},
	} {
		if err := (spec.TaskOptions{Placement: &bad}).Check(); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
		if err := (spec.ActorOptions{Placement: &bad}).Check(); err == nil {
			t.Errorf("%+v is accepted for an actor", bad)
		}
	}
}
