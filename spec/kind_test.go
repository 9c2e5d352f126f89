package spec_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/raywasm/raywasm/spec"
)

// kinds is the closed list in the order of the numbers. A line here never changes and none is ever taken out: a new kind
// is a new last line. ray is the exception of Ray that the kind stands for.
var kinds = []struct {
	kind   spec.Kind
	name   string
	parent spec.Kind
	ray    string
}{
	{spec.AnyError, "Error", 0, "RayError"},
	{spec.TaskError, "TaskError", spec.AnyError, "RayTaskError"},
	{spec.ActorError, "ActorError", spec.AnyError, "RayActorError"},
	{spec.ActorDied, "ActorDied", spec.ActorError, "ActorDiedError"},
	{spec.ActorUnavailable, "ActorUnavailable", spec.ActorError, "ActorUnavailableError"},
	{spec.TaskCancelled, "TaskCancelled", spec.AnyError, "TaskCancelledError"},
	{spec.TaskUnschedulable, "TaskUnschedulable", spec.AnyError, "TaskUnschedulableError"},
	{spec.ActorUnschedulable, "ActorUnschedulable", spec.AnyError, "ActorUnschedulableError"},
	{spec.WorkerCrashed, "WorkerCrashed", spec.AnyError, "WorkerCrashedError"},
	{spec.NodeDied, "NodeDied", spec.AnyError, "NodeDiedError"},
	{spec.LocalNodeDied, "LocalNodeDied", spec.AnyError, "LocalRayletDiedError"},
	{spec.OutOfMemory, "OutOfMemory", spec.AnyError, "OutOfMemoryError"},
	{spec.OutOfDisk, "OutOfDisk", spec.AnyError, "OutOfDiskError"},
	{spec.ObjectStoreFull, "ObjectStoreFull", spec.AnyError, "ObjectStoreFullError"},
	{spec.ObjectLost, "ObjectLost", spec.AnyError, "ObjectLostError"},
	{spec.ObjectFetchTimedOut, "ObjectFetchTimedOut", spec.ObjectLost, "ObjectFetchTimedOutError"},
	{spec.OwnerDied, "OwnerDied", spec.ObjectLost, "OwnerDiedError"},
	{spec.ReferenceCounting, "ReferenceCounting", spec.ObjectLost, "ReferenceCountingAssertionError"},
	{spec.ObjectFreed, "ObjectFreed", spec.ObjectLost, "ObjectFreedError"},
	{spec.ReconstructionFailed, "ReconstructionFailed", spec.ObjectLost, "ObjectReconstructionFailedError"},
	{spec.ReconstructionAttemptsExceeded, "ReconstructionAttemptsExceeded", spec.ObjectLost, "ObjectReconstructionFailedMaxAttemptsExceededError"},
	{spec.ReconstructionLineageEvicted, "ReconstructionLineageEvicted", spec.ObjectLost, "ObjectReconstructionFailedLineageEvictedError"},
	{spec.GetTimeout, "GetTimeout", spec.AnyError, "GetTimeoutError"},
	{spec.ObjectNotAvailable, "ObjectNotAvailable", spec.AnyError, "PlasmaObjectNotAvailable"},
	{spec.PendingCallsLimitExceeded, "PendingCallsLimitExceeded", spec.AnyError, "PendingCallsLimitExceeded"},
	{spec.RuntimeEnvSetup, "RuntimeEnvSetup", spec.AnyError, "RuntimeEnvSetupError"},
	{spec.TaskPlacementGroupRemoved, "TaskPlacementGroupRemoved", spec.AnyError, "TaskPlacementGroupRemoved"},
	{spec.ActorPlacementGroupRemoved, "ActorPlacementGroupRemoved", spec.AnyError, "ActorPlacementGroupRemoved"},
	{spec.ActorExited, "ActorExited", spec.AnyError, "AsyncioActorExit"},
	{spec.EndOfStream, "EndOfStream", spec.AnyError, "ObjectRefStreamEndOfStreamError"},
	{spec.CrossLanguage, "CrossLanguage", spec.AnyError, "CrossLanguageError"},
	{spec.Unserializable, "Unserializable", spec.AnyError, "UnserializableException"},
	{spec.UserCode, "UserCode", spec.AnyError, "UserCodeException"},
	{spec.RPC, "RPC", spec.AnyError, "RpcError"},
	{spec.System, "System", spec.AnyError, "RaySystemError"},
	{spec.Channel, "Channel", spec.System, "RayChannelError"},
	{spec.ChannelTimeout, "ChannelTimeout", spec.System, "RayChannelTimeoutError"},
	{spec.GraphCapacityExceeded, "GraphCapacityExceeded", spec.AnyError, "RayCgraphCapacityExceeded"},
	{spec.Unauthenticated, "Unauthenticated", spec.AnyError, "AuthenticationError"},

	{spec.GuestTrap, "GuestTrap", spec.WorkerCrashed, ""},
	{spec.GuestExit, "GuestExit", spec.WorkerCrashed, ""},
	{spec.StackOverflow, "StackOverflow", spec.GuestTrap, ""},
	{spec.DeadlineExceeded, "DeadlineExceeded", spec.TaskCancelled, ""},
	{spec.InvalidModule, "InvalidModule", spec.AnyError, ""},
	{spec.UnknownImport, "UnknownImport", spec.InvalidModule, ""},
	{spec.FunctionNotFound, "FunctionNotFound", spec.AnyError, ""},
	{spec.InvalidArgument, "InvalidArgument", spec.AnyError, ""},
	{spec.InvalidResult, "InvalidResult", spec.AnyError, ""},
	{spec.LimitExceeded, "LimitExceeded", spec.AnyError, ""},
	{spec.NotFound, "NotFound", spec.AnyError, ""},
	{spec.AlreadyExists, "AlreadyExists", spec.AnyError, ""},
	{spec.PermissionDenied, "PermissionDenied", spec.AnyError, ""},
	{spec.Unsupported, "Unsupported", spec.AnyError, ""},
	{spec.Conflict, "Conflict", spec.AnyError, ""},
	{spec.StaleEpoch, "StaleEpoch", spec.Conflict, ""},
	{spec.Compacted, "Compacted", spec.AnyError, ""},
	{spec.Corrupted, "Corrupted", spec.System, ""},
}

// rayParents is ray.exceptions: each exception and the class it extends.
var rayParents = map[string]string{
	"RayError":                        "",
	"RayTaskError":                    "RayError",
	"RayActorError":                   "RayError",
	"ActorDiedError":                  "RayActorError",
	"ActorUnavailableError":           "RayActorError",
	"TaskCancelledError":              "RayError",
	"TaskUnschedulableError":          "RayError",
	"ActorUnschedulableError":         "RayError",
	"WorkerCrashedError":              "RayError",
	"NodeDiedError":                   "RayError",
	"LocalRayletDiedError":            "RayError",
	"OutOfMemoryError":                "RayError",
	"OutOfDiskError":                  "RayError",
	"ObjectStoreFullError":            "RayError",
	"ObjectLostError":                 "RayError",
	"ObjectFetchTimedOutError":        "ObjectLostError",
	"OwnerDiedError":                  "ObjectLostError",
	"ReferenceCountingAssertionError": "ObjectLostError",
	"ObjectFreedError":                "ObjectLostError",
	"ObjectReconstructionFailedError": "ObjectLostError",
	"ObjectReconstructionFailedMaxAttemptsExceededError": "ObjectLostError",
	"ObjectReconstructionFailedLineageEvictedError":      "ObjectLostError",
	"GetTimeoutError":                 "RayError",
	"PlasmaObjectNotAvailable":        "RayError",
	"PendingCallsLimitExceeded":       "RayError",
	"RuntimeEnvSetupError":            "RayError",
	"TaskPlacementGroupRemoved":       "RayError",
	"ActorPlacementGroupRemoved":      "RayError",
	"AsyncioActorExit":                "RayError",
	"ObjectRefStreamEndOfStreamError": "RayError",
	"CrossLanguageError":              "RayError",
	"UnserializableException":         "RayError",
	"UserCodeException":               "RayError",
	"RpcError":                        "RayError",
	"RaySystemError":                  "RayError",
	"RayChannelError":                 "RaySystemError",
	"RayChannelTimeoutError":          "RaySystemError",
	"RayCgraphCapacityExceeded":       "RayError",
	"AuthenticationError":             "RayError",
}

func TestTheListOfKindsIsAppendOnly(t *testing.T) {
	if got := len(spec.Kinds()); got != len(kinds) {
		t.Errorf("there are %d kinds, this test lists %d: add the new ones at its end", got, len(kinds))
	}
	for i, k := range kinds {
		if int(k.kind) != i+1 {
			t.Errorf("%s has number %d, it was released as %d", k.name, k.kind, i+1)
		}
		if k.kind.Error() != k.name || k.kind.Parent() != k.parent || !k.kind.Valid() {
			t.Errorf("number %d is %q with parent %q, valid %v, want %q with parent %q",
				k.kind, k.kind.Error(), k.kind.Parent().Error(), k.kind.Valid(), k.name, k.parent.Error())
		}
	}
	for i, k := range spec.Kinds() {
		if int(k) != i+1 {
			t.Errorf("Kinds lists number %d in place %d", k, i)
		}
	}
}

func TestEveryExceptionOfRayHasOneKindWithItsParent(t *testing.T) {
	byRay := make(map[string]spec.Kind)
	for _, k := range kinds {
		if k.ray == "" {
			continue
		}
		if _, ok := rayParents[k.ray]; !ok {
			t.Errorf("%s stands for %s, which Ray does not have", k.name, k.ray)
		}
		if other, ok := byRay[k.ray]; ok {
			t.Errorf("%s has two kinds, %v and %v", k.ray, other, k.kind)
		}
		byRay[k.ray] = k.kind
	}
	for exception, parent := range rayParents {
		kind, ok := byRay[exception]
		if !ok {
			t.Errorf("%s has no kind", exception)
			continue
		}
		if kind.Parent() != byRay[parent] { // RayError extends none of Ray's: 0
			t.Errorf("%v extends %v, while %s extends %s", kind, kind.Parent(), exception, parent)
		}
	}
}

func TestKindNamesAreUnique(t *testing.T) {
	seen := make(map[string]spec.Kind)
	for _, k := range spec.Kinds() {
		if other, ok := seen[k.Error()]; ok {
			t.Errorf("%d and %d are both named %q", k, other, k.Error())
		}
		seen[k.Error()] = k
	}
}

func TestErrorsIsFollowsTheAncestors(t *testing.T) {
	for _, k := range kinds {
		ancestors := map[spec.Kind]bool{}
		for a := k.kind; a != 0; a = kinds[a-1].parent {
			ancestors[a] = true
		}
		if !ancestors[spec.AnyError] {
			t.Errorf("%s does not descend from AnyError", k.name)
		}
		wrapped := fmt.Errorf("outside: %w", &spec.Error{Op: "call", Kind: k.kind})
		for _, target := range spec.Kinds() {
			if got := errors.Is(k.kind, target); got != ancestors[target] {
				t.Errorf("errors.Is(%v, %v) is %v, want %v", k.kind, target, got, ancestors[target])
			}
			if got := errors.Is(wrapped, target); got != ancestors[target] {
				t.Errorf("errors.Is(%v, %v) is %v, want %v", wrapped, target, got, ancestors[target])
			}
		}
	}
	if errors.Is(spec.NotFound, errors.New("NotFound")) {
		t.Error("a kind is an error that only has the same text")
	}
}

func TestNumbersOutsideTheListAreNoKinds(t *testing.T) {
	for _, k := range []spec.Kind{0, spec.Kind(len(kinds) + 1), 255} {
		if k.Valid() || k.Parent() != 0 || k.Error() != "Error" {
			t.Errorf("number %d: valid %v, parent %d, name %q, want an unnamed error", k, k.Valid(), k.Parent(), k.Error())
		}
	}
}

func TestAKindCrossesByName(t *testing.T) {
	for _, k := range spec.Kinds() {
		text, err := k.MarshalText()
		if err != nil || string(text) != k.Error() {
			t.Errorf("%v writes %q, %v", k, text, err)
		}
		var back spec.Kind
		if err := back.UnmarshalText(text); err != nil || back != k {
			t.Errorf("%q reads as %v, %v", text, back, err)
		}
		form, err := spec.Marshal(k)
		if err != nil {
			t.Fatal(err)
		}
		var name string
		if err := spec.Unmarshal(form, &name); err != nil || name != k.Error() {
			t.Errorf("%v crosses as %q, %v, want its name", k, name, err)
		}
		if err := spec.Unmarshal(form, &back); err != nil || back != k {
			t.Errorf("%x reads as %v, %v, want %v", form, back, err, k)
		}
	}
}

func TestAnUnknownNameIsStillAnError(t *testing.T) {
	for _, name := range []string{"", "FromTheFuture", "notfound", "NotFound ", "\xff"} {
		k := spec.NotFound
		if err := k.UnmarshalText([]byte(name)); err != nil || k != spec.AnyError {
			t.Errorf("%q reads as %v, %v, want AnyError", name, k, err)
		}
	}
}
