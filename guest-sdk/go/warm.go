package ray

import "reflect"

// warm encodes and decodes a zero value of every type that calls carry, so that what the codec learns of a type is part
// of the module's image and not learnt again in every sandbox: a first call takes ten times as long as a second.
func warm(entries []*entry) {
	for _, e := range entries {
		for _, t := range append(e.params(), e.fn.Out(0)) {
			warmType(t)
		}
	}
}

// warmType warms one type. A type whose own methods fail or panic for its zero value stays cold.
func warmType(t reflect.Type) {
	defer func() { _ = recover() }()
	begin()
	encode.slow(reflect.New(t).Interface())
	var form []byte
	if encode.err == nil {
		form = append(form, encode.w.Joined(encode.items[0].form)...)
	}
	encode.done()
	decode.arg = -1
	func() {
		defer mu.Unlock()
		_ = decode.into(form, false, reflect.New(t).Interface()) // it need not fit
	}()
}
