package wasi

// memory is the guest's memory during one call.
type memory []byte

// view returns n bytes from ptr on, in place. Errors: EFAULT.
func (m memory) view(ptr uint32, n uint64) ([]byte, error) {
	if uint64(ptr) > uint64(len(m)) || n > uint64(len(m))-uint64(ptr) {
		return nil, efault
	}
	return m[ptr : uint64(ptr)+n : uint64(ptr)+n], nil
}

// bufferBytes is the size of an iovec, which lists one buffer of a read or write:
//
//	 0           4            8
//	+-----------+------------+
//	|  pointer  |   length   |
//	+-----------+------------+
const bufferBytes = 8

// buffers are the buffers of one read or write.
type buffers struct {
	memory memory
	list   []byte
}

// buffers returns the count buffers listed at ptr; each of them lies inside the memory.
// Errors: EINVAL for too many, EFAULT.
func (m memory) buffers(ptr, count uint32) (buffers, error) {
	if count > maxBuffers {
		return buffers{}, einval
	}
	list, err := m.view(ptr, uint64(count)*bufferBytes)
	if err != nil {
		return buffers{}, err
	}
	b := buffers{memory: m, list: list}
	for i := range int(count) {
		if _, err := b.at(i); err != nil {
			return buffers{}, err
		}
	}
	return b, nil
}

// at returns buffer i. It checks again: reading into a buffer that overlaps the list changes the list.
func (b buffers) at(i int) ([]byte, error) {
	entry := b.list[i*bufferBytes:]
	return b.memory.view(le.Uint32(entry), uint64(le.Uint32(entry[4:])))
}

// transfer passes the buffers to move in their order, at most maxTransfer bytes, until move uses less than it was
// given. It returns how many bytes were moved; an error counts only if there were none.
func (b buffers) transfer(move func([]byte) (int, error)) (uint32, error) {
	moved := 0
	for i := range len(b.list) / bufferBytes {
		buf, err := b.at(i)
		if err == nil && len(buf) > 0 {
			buf = buf[:min(len(buf), maxTransfer-moved)]
			var n int
			n, err = move(buf)
			moved += n
			if err == nil && (n < len(buf) || moved == maxTransfer) {
				break
			}
		}
		if err != nil {
			if moved == 0 {
				return 0, err
			}
			break
		}
	}
	return uint32(moved), nil
}
