package wasmbin

import (
	"bytes"
	"math"
)

// stubBody is the entry in the code section of a function that has no locals
// and does nothing but trap: unreachable, end. It is valid for every type.
var stubBody = []byte{3, 0, byte(OpUnreachable), byte(OpEnd)}

// Stub returns a module that declares what wasm declares, in the same places
// and under the same names, and does none of it: the body of each function is
// stubBody. Custom sections other than the names are left out.
//
// It is for an engine that keeps compiled code and wants to see the module all
// the same: what lies around the bodies (types, imports, tables, memories,
// tags, globals, exports, segments, names) is what such an engine needs to make
// instances, and the bodies are nearly all of the work of reading a module.
//
// wasm is a valid module. Of others nothing more than the framing of sections
// is checked; the error is a *ParseError.
func Stub(wasm []byte) ([]byte, error) {
	r := reader{b: wasm, section: "module"}
	if !bytes.HasPrefix(wasm, header) {
		r.failAt(0, "this is no WebAssembly core module: it does not begin with %q", header)
		return nil, r.err
	}
	r.pos = len(header)
	out := bytes.Clone(header)
	for r.err == nil && r.left() > 0 {
		start := r.pos
		id := sectionID(r.byte("section number"))
		size := r.u32("size of the section")
		content := r.sub(int(min(size, math.MaxInt32)), "the section")
		if r.err != nil {
			break
		}
		switch id {
		case secCode:
			n := content.count(len(content.b), "functions")
			bodies := bytes.Repeat(stubBody, n)
			out = appendSection(out, id, append(appendU32(nil, uint32(n)), bodies...))
			r.err = content.err
		case secCustom:
			if content.name("name of the section") == nameSection {
				out = append(out, wasm[start:r.pos]...)
			}
			r.err = content.err
		default:
			out = append(out, wasm[start:r.pos]...)
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	return out, nil
}
