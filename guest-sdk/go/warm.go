package ray

import "reflect"

// warm encodes and decodes a zero value of every type that calls carry, so that what the codec learns of a type is part
// of the module's image and not learnt again in every sandbox: a first call takes ten times as long as a second.
func warm(entries []*entry) {
	mu.Lock()
	defer mu.Unlock()
	for _, e := range entries {
		for _, t := range append(e.params(), e.fn.Out(0)) {
			warmType(t)
		}
	}
}

// warmType warms one type. A type whose own methods fail or panic for its zero value stays cold.
func warmType(t reflect.Type) {
	defer func() {
		_ = recover()
		decode.done()
		encode.done()
	}()
	if encode.value(reflect.Zero(t).Interface()) == nil {
		_ = decMode.Unmarshal(encode.bytes(&encode.items[0]), reflect.New(t).Interface()) // it need not fit
	}
}
