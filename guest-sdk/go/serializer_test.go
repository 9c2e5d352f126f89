//go:build !wasip1

package ray

import (
	"strings"
	"testing"
)

// gate stands for a type of somebody else's that holds what cannot travel.
type gate struct {
	c    chan int
	wide int
}

var _ = RegisterSerializer(func(g gate) (int, error) { return g.wide, nil },
	func(wide int) (gate, error) { return gate{make(chan int), wide}, nil })

type yard struct{ Gates []gate }

func widen(y yard, by int) (yard, error) {
	for i := range y.Gates {
		y.Gates[i].wide += by
	}
	return y, nil
}

var remoteWiden = Remote2(widen)

func TestRegisteredTypesTravelInCalls(t *testing.T) {
	newWorld(t)
	got, err := remoteWiden.Remote(yard{[]gate{{wide: 1}, {wide: 2}}}, 10).Get()
	if err != nil || len(got.Gates) != 2 || got.Gates[1].wide != 12 || got.Gates[1].c == nil {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = Put(map[string]any{"x": make(chan int)})
	wantError(t, err, Unserializable, "chan int")
	if text := InspectSerializability(map[string]any{"x": make(chan int)}).String(); !strings.Contains(text, "value[x] (chan int)") {
		t.Errorf("inspected: %s", text)
	}
}
