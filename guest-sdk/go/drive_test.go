package ray

import (
	"errors"
	"testing"
)

func TestAPanicInMainIsStatusTwo(t *testing.T) {
	if got := drive(func() {}); got != 0 {
		t.Errorf("a main that returns has status %d", got)
	}
	if got := drive(func() { panic(errors.New("lost")) }); got != 2 {
		t.Errorf("a main that panics has status %d", got)
	}
}
