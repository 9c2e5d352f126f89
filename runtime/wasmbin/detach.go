package wasmbin

// StartExport is the name DetachInit exports the start function as.
const StartExport = privatePrefix + "start"

// Init is what the engine would have done with a module when it instantiated
// it, and what is now left to the host: first copy each of Data into memory 0,
// in order, then call StartExport if Start is set. A segment that does not fit
// into the memory is to the host what a trap is to an engine: the
// instantiation has failed.
type Init struct {
	Data  []InitData
	Start bool // the module has a start function
}

// InitData is an active data segment of memory 0. Bytes alias the input of
// Parse.
type InitData struct {
	Offset uint32 // in bytes
	Bytes  []byte
}

// DetachInit takes the initialisation out of the module, so that one compiled
// module serves both for a first start and for starts from an image: an engine
// that instantiates it runs nothing and writes nothing to memory 0, and the
// host either does what Init says or puts an image in place.
//
// What changes: the start function is exported instead of run. Active data
// segments become empty passive ones if there is a data count section, so that
// the indexes in memory.init and data.drop stay good, and are dropped
// otherwise, since without that section neither instruction can occur
// (specification 5.5.16).
//
// Why it is sound: by specification 4.7.2, instantiation ends with the active
// element segments, then the active data segments in order, then the start
// function; nothing of the guest runs before that. Whoever does the last of
// these steps afterwards, in the same order, gets the same instance. An active
// segment counts as dropped after it, and a dropped segment behaves as an empty
// one, so code sees no difference. Passive segments stay; that a guest dropped
// one before an image was taken is forgotten. Active element segments stay, as
// tables are not part of an image.
//
// A data segment whose offset is computed from an imported global stays in the
// module, and so do those before it, since their order matters where they
// overlap. Snapshotable names such a segment: it would be written over an
// image.
func (m *Module) DetachInit() (Init, error) {
	init := Init{Start: m.Start != nil}
	if init.Start {
		if err := m.addExport(StartExport, KindFunc, m.callable(*m.Start)); err != nil {
			return Init{}, err
		}
		m.Start = nil
		m.changed(secStart)
	}
	from := m.stayingData()
	if from == len(m.Data) {
		return init, nil
	}
	m.changed(secData)
	init.Data = make([]InitData, 0, len(m.Data)-from)
	for i := from; i < len(m.Data); i++ {
		d := &m.Data[i]
		if d.Mode == Active {
			offset, _ := d.Offset.constant()
			init.Data = append(init.Data, InitData{Offset: offset, Bytes: d.Init})
			*d = Data{Mode: Passive}
		}
	}
	if m.DataCount == nil { // then no code refers to segments
		m.Data = m.Data[:from]
	}
	return init, nil
}

// callable returns the function at index, or one that calls it if it is
// imported: an engine need not let hosts call their own functions.
func (m *Module) callable(index uint32) uint32 {
	if index >= uint32(m.imported[KindFunc]) {
		return index
	}
	var c code
	c.op(OpCall, index)
	return m.addFunc(FuncType{}, nil, c)
}

// stayingData returns how many data segments cannot be taken out of the
// module: all up to the last active one that is not detachable.
func (m *Module) stayingData() int {
	n := len(m.Data)
	for n > 0 && (m.Data[n-1].Mode != Active || m.Data[n-1].detachable()) {
		n--
	}
	return n
}

// detachable says whether an active segment can be written by a host that
// knows nothing of the instance but its memory 0.
func (d *Data) detachable() bool {
	_, constant := d.Offset.constant()
	return constant && d.Memory == 0
}
