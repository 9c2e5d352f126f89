package spec_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"testing"

	"github.com/raywasm/raywasm/spec"
)

// noUser is an error of a program's own that crosses as a value; plainUser one that does not.
type noUser struct {
	ID   int
	Tags []string
}

func (e *noUser) Error() string { return fmt.Sprintf("no user %d", e.ID) }

type plainUser struct{ ID int }

func (e plainUser) Error() string { return fmt.Sprintf("no plain user %d", e.ID) }

func init() { spec.RegisterError[*noUser]() }

var errMine = errors.New("mine")

// failWith is an error as a call's caller gets it when the function returned err.
func failWith(t *testing.T, err error) error {
	return cross(t, &spec.Error{Op: "call f", Kind: spec.TaskError, Err: spec.NewFault(err)})
}

func TestErrorsAreFoundOnTheOtherSide(t *testing.T) {
	err := failWith(t, fmt.Errorf("opening: %w", errors.Join(
		fmt.Errorf("first: %w", &noUser{7, []string{"a"}}),
		&fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist},
		errors.Join(errMine, plainUser{3}))))

	for _, target := range []error{spec.TaskError, fs.ErrNotExist, errMine, plainUser{3}} {
		if !errors.Is(err, target) {
			t.Errorf("%T %v is not found in %v", target, target, err)
		}
	}
	for _, target := range []error{io.EOF, plainUser{4}, spec.ActorDied, &spec.Fault{}} {
		if errors.Is(err, target) {
			t.Errorf("%T %v is found in %v", target, target, err)
		}
	}
	var user *noUser
	if !errors.As(err, &user) || user.ID != 7 || user.Tags[0] != "a" {
		t.Errorf("the registered error came as %+v", user)
	}
	var plain plainUser
	if errors.As(err, &plain) {
		t.Errorf("an error that is not registered came as %+v", plain)
	}
	if again := cross(t, err); !errors.As(again, &user) || !errors.Is(again, errMine) {
		t.Errorf("over a second boundary: %v", again)
	}
}

func TestJoinedErrorsAreBounded(t *testing.T) {
	wide := make([]error, 1000)
	for i := range wide {
		wide[i] = fmt.Errorf("error %d", i)
	}
	count := func(err error) (n int) {
		var f *spec.Fault
		if !errors.As(err, &f) {
			return 0
		}
		var walk func(f *spec.Fault)
		walk = func(f *spec.Fault) {
			n++
			for _, c := range f.Unwrap() {
				walk(c.(*spec.Fault))
			}
		}
		walk(f)
		return n
	}
	if n := count(failWith(t, errors.Join(wide...))); n != spec.MaxErrorCauses {
		t.Errorf("%d causes crossed, want %d", n, spec.MaxErrorCauses)
	}
	tree := errors.New("leaf")
	for range 20 {
		tree = errors.Join(tree, tree)
	}
	if n := count(failWith(t, tree)); n == 0 || n > spec.MaxErrorCauses {
		t.Errorf("%d causes of a tree crossed", n)
	}
}
