package spec

import (
	"fmt"
	"reflect"
	"sync"
)

// NewFault describes an error of this program and everything it wraps, for another program to read.
func NewFault(err error) *Fault {
	left := MaxErrorCauses
	return describeError(err, 0, &left).bounded(0)
}

func describeError(err error, depth int, left *int) *Fault {
	*left--
	if f, ok := err.(*Fault); ok {
		return f
	}
	f := &Fault{Type: fmt.Sprintf("%T", err), Message: err.Error()}
	if registeredError(reflect.TypeOf(err)) {
		f.Data, _ = Marshal(err) // what it cannot say of itself stays here
	}
	var causes []error
	switch w := err.(type) {
	case *Error:
		causes = []error{w.Err} // and the kind, which is in the text
	case interface{ Unwrap() error }:
		causes = []error{w.Unwrap()}
	case interface{ Unwrap() []error }:
		causes = w.Unwrap()
	}
	for _, c := range causes {
		switch {
		case c == nil || depth == MaxErrorDepth || *left == 0:
		case f.Cause == nil:
			f.Cause = describeError(c, depth+1, left)
		default:
			f.More = append(f.More, describeError(c, depth+1, left))
		}
	}
	return f
}

// Is makes errors.Is(err, target) true where the program that failed met an error of target's type that says the same: so
// it finds fs.ErrNotExist or an error variable of the program's own, which is another variable in every sandbox.
func (f *Fault) Is(target error) bool {
	if _, ok := target.(*Fault); ok {
		return false // errors.Is has compared them
	}
	return f.Type != "" && f.Type == fmt.Sprintf("%T", target) && f.Message == target.Error()
}

// As makes errors.As find errors of registered types, decoded anew ([RegisterError]).
func (f *Fault) As(target any) bool {
	t := reflect.TypeOf(target).Elem()
	if len(f.Data) == 0 || f.Type != t.String() || !registeredError(t) {
		return false
	}
	v := reflect.New(t)
	if Unmarshal(f.Data, v.Interface()) != nil || t.Kind() == reflect.Pointer && v.Elem().IsNil() {
		return false
	}
	reflect.ValueOf(target).Elem().Set(v.Elem())
	return true
}

// errorTypes are the types of [RegisterError].
var errorTypes struct {
	mu   sync.Mutex
	list map[reflect.Type]bool
}

// RegisterError lets errors of type E cross as values: errors.As finds them in what a call failed with, fields and all.
// What E has to say is encoded as any value is. Call it while the program initialises, in every program that shall find
// them.
func RegisterError[E error]() {
	errorTypes.mu.Lock()
	defer errorTypes.mu.Unlock()
	if errorTypes.list == nil {
		errorTypes.list = make(map[reflect.Type]bool)
	}
	errorTypes.list[reflect.TypeFor[E]()] = true
}

func registeredError(t reflect.Type) bool {
	errorTypes.mu.Lock()
	defer errorTypes.mu.Unlock()
	return errorTypes.list[t]
}
