package wasmrt

// SettleAfter is how often a room is reset before it says where it should be.
const SettleAfter = settleAfter

// Scan is the system call that finds what a sandbox has changed.
func Scan(s *Sandbox) {
	r := s.instance.room
	scanPages(pagemap(), uintptr(r.base), uintptr(r.length), r.regions[:])
}

// BestAlignment is where a memory should begin, and how many entries a scan looks at then.
func BestAlignment(touched []uint64, size uint64) (at, entries uint64) {
	return bestAlignment(touched, size)
}

// Compare holds what is in the memory of the module's idle instance, the one used last, against its image.
func Compare(m *Module, compare func(memory, image []byte) error) error {
	idle := m.pool.idle
	return compare(idle[len(idle)-1].room.bytes(), m.image.bytes)
}

// Foresees reports whether that instance is reset without a scan, after sandboxes without page faults.
func Foresees(m *Module) bool {
	idle := m.pool.idle
	return idle[len(idle)-1].room.foresees()
}

// Forget makes that instance believe that it has no private copies.
func Forget(m *Module) {
	idle := m.pool.idle
	idle[len(idle)-1].room.private = 0
}
