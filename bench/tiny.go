package main

// tinyGuest is the smallest guest: a memory of 128 KiB and the four functions that every guest of these benchmarks
// exports.
//
//	count() -> i64     adds one to a counter in memory and returns it: 1 in a fresh sandbox
//	touch(i32)         adds one to every word of so many pages of 4 KiB (here: stores the word's own address)
//	spin()             never returns
//	work(i32) -> i32   does so many rounds of a loop
func tinyGuest() []byte {
	const i32, i64 = 0x7f, 0x7e
	module := []byte("\x00asm\x01\x00\x00\x00")
	module = append(module, section(1, // types
		[]byte{0x60, 0, 1, i64},
		[]byte{0x60, 1, i32, 0},
		[]byte{0x60, 0, 0},
		[]byte{0x60, 1, i32, 1, i32},
	)...)
	module = append(module, section(3, []byte{0}, []byte{1}, []byte{2}, []byte{3})...) // each function's type
	module = append(module, section(5, []byte{0, 2})...)                               // a memory of 2 pages
	module = append(module, section(7,
		exported("memory", 2, 0), exported("count", 0, 0), exported("touch", 0, 1), exported("spin", 0, 2), exported("work", 0, 3))...)
	return append(module, section(10,
		body(
			0,       // no locals
			0x41, 0, // i32.const 0
			0x41, 0, 0x29, 3, 0, 0x42, 1, 0x7c, // i32.const 0; i64.load; i64.const 1; i64.add
			0x37, 3, 0, // i64.store
			0x41, 0, 0x29, 3, 0, // i32.const 0; i64.load
		),
		body(
			1, 1, i32, // one local: the offset
			0x03, 0x40, // loop
			0x20, 1, 0x20, 1, 0x36, 2, 0x80, 0x80, 4, // local.get 1; local.get 1; i32.store offset=65536
			0x20, 1, 0x41, 4, 0x6a, 0x22, 1, // local.get 1; i32.const 4; i32.add; local.tee 1
			0x20, 0, 0x41, 12, 0x74, // local.get 0; i32.const 12; i32.shl
			0x49, 0x0d, 0, // i32.lt_u; br_if 0
			0x0b,
		),
		body(0, 0x03, 0x40, 0x0c, 0, 0x0b), // loop; br 0
		body(
			0,
			0x03, 0x40, // loop
			0x20, 0, 0x41, 1, 0x6b, 0x22, 0, // local.get 0; i32.const 1; i32.sub; local.tee 0
			0x0d, 0, // br_if 0
			0x0b,
			0x20, 0, // local.get 0
		),
	)...)
}

// section is a section of a module with its items. Everything here is shorter than 128 bytes, so that a length is a byte.
func section(id byte, items ...[]byte) []byte {
	content := []byte{byte(len(items))}
	for _, item := range items {
		content = append(content, item...)
	}
	return append([]byte{id, byte(len(content))}, content...)
}

func exported(name string, kind, index byte) []byte {
	return append(append([]byte{byte(len(name))}, name...), kind, index)
}

// body is a function's, with its length before and its end behind.
func body(code ...byte) []byte {
	return append(append([]byte{byte(len(code) + 1)}, code...), 0x0b)
}
