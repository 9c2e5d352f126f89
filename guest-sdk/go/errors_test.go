//go:build !wasip1

package ray

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

type noUser struct{ ID int }

func (e *noUser) Error() string { return fmt.Sprintf("no user %d", e.ID) }

var _ = RegisterError[*noUser]()

var errMine = errors.New("mine")

func failMany(id int) (int, error) {
	return 0, fmt.Errorf("failing: %w", errors.Join(&noUser{id}, errMine, fs.ErrNotExist))
}

var remoteFailMany = Remote1(failMany)

func TestErrorsOfFunctionsAreFoundByTheCaller(t *testing.T) {
	newWorld(t)
	_, err := remoteFailMany.Remote(7).Get()
	var user *noUser
	if !errors.As(err, &user) || user.ID != 7 {
		t.Errorf("the registered error came as %+v, in %v", user, err)
	}
	for _, target := range []error{TaskError, errMine, fs.ErrNotExist} {
		if !errors.Is(err, target) {
			t.Errorf("%v is not found in %v", target, err)
		}
	}
}
