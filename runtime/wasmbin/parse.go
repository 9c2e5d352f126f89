package wasmbin

import (
	"bytes"
	"maps"
	"math"
)

// sectionID is the number a section begins with (specification 5.5.2).
type sectionID byte

const (
	secCustom sectionID = iota
	secType
	secImport
	secFunction
	secTable
	secMemory
	secGlobal
	secExport
	secStart
	secElement
	secCode
	secData
	secDataCount
	secTag
	numSections = iota
)

var sectionNames = [numSections]string{
	"custom", "type", "import", "function", "table", "memory", "global",
	"export", "start", "element", "code", "data", "data count", "tag",
}

// sectionOrder ranks sections by where they must stand: the order is that of
// the numbers, except for the two that were added later.
var sectionOrder = [numSections]int{
	secType: 1, secImport: 2, secFunction: 3, secTable: 4, secMemory: 5, secTag: 6, secGlobal: 7,
	secExport: 8, secStart: 9, secElement: 10, secDataCount: 11, secCode: 12, secData: 13,
}

// section is one section as it stands in the file.
type section struct {
	id     sectionID
	raw    []byte // id, size and content, as read; nil once a pass has changed it
	custom int    // secCustom: index into Module.Customs, or -1 once dropped
}

// header opens every module: the magic number and version 1.
var header = []byte{0, 'a', 's', 'm', 1, 0, 0, 0}

// Parse reads a module under the default limits. See ParseLimits.
func Parse(b []byte) (*Module, error) { return ParseLimits(b, DefaultLimits()) }

// ParseLimits reads the module in b and checks its structure: that sections
// stand in order, each once, and are used up exactly; that every index is in
// range and every name UTF-8; that the instructions of every body are known
// and properly nested; and that nothing is over the limits. The error is a
// *ParseError.
//
// A malformed name section is refused although the specification would have it
// ignored, since engines allocate by its counts.
//
// The module keeps references into b, which must not be changed afterwards.
func ParseLimits(b []byte, limits Limits) (*Module, error) {
	p := parser{reader: reader{b: b, section: "module"}, m: &Module{uses: map[Op]bool{}, refs: map[uint32]bool{}}, limits: limits}
	p.module()
	if p.err != nil {
		return nil, p.err
	}
	return p.m, nil
}

// parser fills in a module. Its reader is the section being read.
type parser struct {
	reader
	m       *Module
	limits  Limits
	entries int  // entries of element segments so far
	wide    bool // a memory has 64-bit addresses

	// While bodies are checked:
	blocks []Op            // open blocks of the body
	calls  []int32         // as in Body
	uses   map[Op]bool     // as in Module
	refs   map[uint32]bool // as in Module
}

// module reads the header and every section, then checks what spans sections.
func (p *parser) module() {
	if len(p.b) > p.limits.ModuleBytes {
		p.failAt(0, "the module has %d bytes, over the limit of %d", len(p.b), p.limits.ModuleBytes)
		return
	}
	if !bytes.HasPrefix(p.b, header) {
		p.failAt(0, "this is no WebAssembly core module: it does not begin with %q", header)
		return
	}
	p.pos = len(header)
	var last sectionID
	for p.err == nil && p.left() > 0 {
		last = p.readSection(last)
	}
	if p.err == nil {
		p.checkAcross()
	}
}

// readSection reads one section and returns the last non-custom one so far.
func (p *parser) readSection(last sectionID) sectionID {
	start := p.pos
	id := sectionID(p.byte("section number"))
	if id >= numSections {
		p.failAt(start, "unknown section number %d", id)
		return last
	}
	whole := p.reader
	whole.section = sectionNames[id]
	size := whole.u32("size of the section")
	content := whole.sub(int(min(size, math.MaxInt32)), "the section")
	whole.section = "module"

	p.reader = content
	if id != secCustom {
		if sectionOrder[id] <= sectionOrder[last] {
			p.failAt(start-p.base, "it must stand before the %s section, and once", sectionNames[last])
		}
		last = id
	}
	p.m.sections = append(p.m.sections, section{id: id, raw: whole.b[start:whole.pos], custom: len(p.m.Customs)})
	if p.err == nil {
		p.decode(id)
		p.done()
	}
	whole.err = p.err
	p.reader = whole
	return last
}

// checkAcross checks what no section can check alone.
func (p *parser) checkAcross() {
	m := p.m
	if len(m.Functions) != len(m.Bodies) {
		p.failAt(p.pos, "%d functions are declared, but there are %d bodies", len(m.Functions), len(m.Bodies))
	}
	if m.DataCount != nil && int64(*m.DataCount) != int64(len(m.Data)) {
		p.failAt(p.pos, "%d data segments are declared, but there are %d", *m.DataCount, len(m.Data))
	}
	p.checkBodies()
}

// checkBodies checks all bodies and notes what occurs in them. Of several
// faults it reports the first.
func (p *parser) checkBodies() {
	if p.err != nil {
		return
	}
	m := p.m
	p.wide = m.hasMemory64()
	var workers []*parser
	inParallel(len(m.Bodies), func() func(int) {
		w := &parser{m: m, limits: p.limits, wide: p.wide, uses: map[Op]bool{}, refs: map[uint32]bool{}}
		workers = append(workers, w)
		return func(i int) {
			if w.err == nil {
				w.checkBody(i)
			}
		}
	})
	for _, w := range workers {
		maps.Copy(m.uses, w.uses)
		maps.Copy(m.refs, w.refs)
		if w.err != nil && (p.err == nil || w.err.Offset < p.err.Offset) {
			p.err = w.err
		}
	}
}
