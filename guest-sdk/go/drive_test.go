package ray

import (
	"errors"
	"strings"
	"testing"
)

func TestAPanicInMainIsStatusTwo(t *testing.T) {
	var stderr strings.Builder
	if got := drive(func() {}, &stderr); got != 0 || stderr.Len() != 0 {
		t.Errorf("a main that returns has status %d and prints %q", got, stderr.String())
	}
	if got := drive(func() { panic(errors.New("lost")) }, &stderr); got != 2 || !strings.HasPrefix(stderr.String(), "panic: lost\n\ngoroutine ") {
		t.Errorf("a main that panics has status %d and prints %q", got, stderr.String())
	}
}
