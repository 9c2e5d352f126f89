package wasmrt

// SettleAfter is how often a room is reset before it says where it should be.
const SettleAfter = settleAfter

// BestSeat is where a memory should begin, and how many entries a scan looks at then.
func BestSeat(touched []uint64, size uint64) (at, entries uint64) { return bestSeat(touched, size) }
