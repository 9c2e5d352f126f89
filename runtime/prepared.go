package wasmrt

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"slices"
	"strconv"

	"github.com/raywasm/raywasm/runtime/wasmbin"
	"github.com/raywasm/raywasm/spec"
)

// A prepared module is all that Load makes of a module's bytes, but for the machine code, which is the engine's:
//
//	"rayprep\x01"         8   what it is, and the version of the form
//	key                  32   of what it was made, by whom and how; it is the name of the file, too
//	length of the head    4   in bytes
//	head                  .   a preparedHead in JSON
//	length of the code    4   in bytes
//	code                  .   the rewritten module
//	data                  .   the image's pages that are not zero, or the module's data segments, one after another
//	checksum              4   CRC-32C of everything before
//
// All numbers are little-endian. The data are as long as the head says, to the byte.
const (
	preparedMagic = "rayprep\x01"
	preparedFixed = len(preparedMagic) + len(spec.Digest{}) + 4 + 4 + 4
)

// preparedHead is what is known of the module beside its code and its memory.
type preparedHead struct {
	State   wasmbin.State     `json:"state"`
	Reasons []string          `json:"reasons,omitempty"`
	Memory  *preparedMemory   `json:"memory,omitempty"` // nil for none
	Exports map[string][2]int `json:"exports"`          // of functions: values of parameters and of results
	Info    Info              `json:"info"`
	Warmed  []byte            `json:"warmed,omitempty"`
	// Image is there, or Init.
	Image *preparedImage `json:"image,omitempty"`
	Init  *preparedInit  `json:"init,omitempty"`
}

// preparedMemory is what the module declares of memory 0, sizes in bytes, and whether its growth is virtual.
type preparedMemory struct {
	Min     uint64 `json:"min"`
	Max     uint64 `json:"max,omitempty"`
	Virtual bool   `json:"virtual,omitempty"`
}

// preparedImage is an image without its pages.
type preparedImage struct {
	Pages   uint32      `json:"pages"` // of 64 KiB
	Globals []uint64    `json:"globals"`
	Reseeds []reseed    `json:"reseeds,omitempty"`
	Runs    [][2]uint32 `json:"runs"` // first page and number of pages, of 4 KiB
}

// preparedInit is a wasmbin.Init without the bytes.
type preparedInit struct {
	Start bool        `json:"start,omitempty"`
	Data  [][2]uint32 `json:"data,omitempty"` // offset and length, in bytes
}

// prepared is a prepared module in memory.
type prepared struct {
	program *program
	image   *imageState // nil if none can be made
	warmed  []byte
}

// imageState is what an image is made of.
type imageState struct {
	state
	reseeds []reseed
}

// prepare returns what there is to keep of a loaded module whose program still has its code.
func (m *Module) prepare() *prepared {
	p := &prepared{program: m.program, warmed: m.warmed}
	if img := m.image; img != nil {
		p.image = &imageState{reseeds: img.reseeds}
		p.image.pages, p.image.globals = uint32(img.size()/wasmPage), img.globals
		var c collector
		for off, run := range nonZeroRuns(img.bytes) {
			c.add(off, run)
		}
		p.image.runs, p.image.parts = c.runs, c.found
	}
	return p
}

// make makes the image, of a program of that name.
func (img *imageState) make(program spec.Digest) (*image, error) {
	made, err := newImage(program, uint64(img.pages)*wasmPage, img.memory(), img.globals)
	if err != nil {
		return nil, err
	}
	made.reseeds = img.reseeds
	return made, nil
}

// encode returns the bytes of a prepared module.
func (p *prepared) encode(key spec.Digest) ([]byte, error) {
	le := binary.LittleEndian
	h := preparedHead{
		State: p.program.state, Reasons: p.program.reasons, Info: p.program.info, Warmed: p.warmed,
		Exports: make(map[string][2]int, len(p.program.exports)),
	}
	if m := p.program.memory; m.has {
		h.Memory = &preparedMemory{m.min, m.max, m.virtual}
	}
	for name, s := range p.program.exports {
		h.Exports[name] = [2]int{s.params, s.results}
	}
	var data []byte
	if img := p.image; img != nil {
		h.Image = &preparedImage{Pages: img.pages, Globals: img.globals, Reseeds: img.reseeds}
		for _, r := range img.runs {
			h.Image.Runs = append(h.Image.Runs, [2]uint32{r.page, r.pages})
		}
		data = slices.Concat(img.parts...)
	} else {
		h.Init = &preparedInit{Start: p.program.init.Start}
		for _, d := range p.program.init.Data {
			h.Init.Data = append(h.Init.Data, [2]uint32{d.Offset, uint32(len(d.Bytes))})
			data = append(data, d.Bytes...)
		}
	}
	head, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, preparedFixed+len(head)+len(p.program.code)+len(data))
	b = append(append(b, preparedMagic...), key[:]...)
	b = append(le.AppendUint32(b, uint32(len(head))), head...)
	b = append(le.AppendUint32(b, uint32(len(p.program.code))), p.program.code...)
	b = append(b, data...)
	return le.AppendUint32(b, crc32.Checksum(b, castagnoli)), nil
}

// decodePrepared reads what encode wrote under that key. It takes the bytes for anything: what it returns is within the
// bounds that the rest of the package counts on. The result keeps references into b.
func decodePrepared(b []byte, key spec.Digest) (*prepared, error) {
	le := binary.LittleEndian
	if len(b) < preparedFixed || string(b[:len(preparedMagic)]) != preparedMagic {
		return nil, errors.New("it is no prepared module of this form")
	}
	b, sum := b[:len(b)-4], le.Uint32(b[len(b)-4:])
	if crc32.Checksum(b, castagnoli) != sum {
		return nil, errors.New("its checksum is wrong: it was cut short or altered")
	}
	b = b[len(preparedMagic):]
	if spec.Digest(b[:len(key)]) != key {
		return nil, errors.New("it is another one's")
	}
	b = b[len(key):]
	stretch := func() ([]byte, error) {
		if len(b) < 4 || uint64(le.Uint32(b)) > uint64(len(b)-4) {
			return nil, errors.New("its lengths are wrong")
		}
		n := int(le.Uint32(b))
		s := b[4 : 4+n : 4+n]
		b = b[4+n:]
		return s, nil
	}
	head, err := stretch()
	if err != nil {
		return nil, err
	}
	code, err := stretch()
	if err != nil {
		return nil, err
	}
	var h preparedHead
	if err := json.Unmarshal(head, &h); err != nil {
		return nil, err
	}
	p := &prepared{warmed: h.Warmed, program: &program{
		code: code, state: h.State, reasons: h.Reasons, info: h.Info,
		exports: make(map[string]signature, len(h.Exports)),
	}}
	if m := h.Memory; m != nil {
		p.program.memory.has, p.program.memory.min, p.program.memory.max, p.program.memory.virtual = true, m.Min, m.Max, m.Virtual
	}
	for name, s := range h.Exports {
		if min(s[0], s[1]) < 0 {
			return nil, errors.New("the export " + strconv.Quote(name) + " has a wrong signature")
		}
		p.program.exports[name] = signature{s[0], s[1]}
	}
	switch {
	case h.Image != nil && h.Init == nil && (h.Memory != nil || h.Image.Pages == 0):
		p.image, err = h.Image.decode(b, len(h.State.Globals))
	case h.Init != nil && h.Image == nil:
		p.program.init, err = h.Init.decode(b)
	default:
		err = errors.New("it has neither image nor initialisation, or both, or an image of no memory")
	}
	return p, err
}

// decode puts the pages into the image. There are so many globals.
func (h *preparedImage) decode(data []byte, globals int) (*imageState, error) {
	if len(h.Globals) != globals {
		return nil, errors.New("its number of globals is wrong")
	}
	const most = spec.MaxSandboxMemory/wasmPage - 1
	if h.Pages > most {
		return nil, errors.New("its memory is too large")
	}
	size := uint64(h.Pages) * wasmPage
	img := &imageState{reseeds: h.Reseeds}
	img.pages, img.globals = h.Pages, h.Globals
	end, total := uint64(0), uint64(0)
	for _, r := range h.Runs {
		run := stateRun{r[0], r[1]}
		if uint64(run.page) < end || run.pages == 0 {
			return nil, errors.New("its runs overlap")
		}
		end = uint64(run.page) + uint64(run.pages)
		total += uint64(run.pages) * pageSize
		img.runs = append(img.runs, run)
	}
	if end*pageSize > size {
		return nil, errors.New("a run lies outside the memory")
	}
	if total != uint64(len(data)) {
		return nil, errors.New("its pages have the wrong length")
	}
	img.parts = split(img.runs, data)
	for _, off := range h.Reseeds {
		if uint64(off)+chachaBytes > size {
			return nil, errors.New("a random generator lies outside the memory")
		}
	}
	return img, nil
}

// decode puts the bytes into the data segments.
func (h *preparedInit) decode(data []byte) (wasmbin.Init, error) {
	init := wasmbin.Init{Start: h.Start}
	for _, d := range h.Data {
		if uint64(d[1]) > uint64(len(data)) {
			return wasmbin.Init{}, errors.New("a data segment is cut short")
		}
		init.Data = append(init.Data, wasmbin.InitData{Offset: d[0], Bytes: data[:d[1]:d[1]]})
		data = data[d[1]:]
	}
	if len(data) > 0 {
		return wasmbin.Init{}, errors.New("it is too long")
	}
	return init, nil
}
