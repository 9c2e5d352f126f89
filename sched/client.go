package sched

// client remembers which of a client's lease numbers were seen, so that nothing late or repeated is taken for new. It
// counts from 1 and leaves none out, therefore one number says most of it.
type client struct {
	low   uint64              // this and everything below was seen
	ahead map[uint64]struct{} // seen above low, because events overtook each other
}

// maxAhead bounds how many events may overtake another. A client that leaves a number out for longer loses it.
const maxAhead = 1 << 16

// fresh reports whether the number is seen for the first time, and remembers it.
func (c *client) fresh(count uint64) bool {
	if count <= c.low {
		return false
	}
	if count == c.low+1 {
		c.low = count
		for len(c.ahead) > 0 {
			if _, ok := c.ahead[c.low+1]; !ok {
				break
			}
			c.low++
			delete(c.ahead, c.low)
		}
		return true
	}
	if _, ok := c.ahead[count]; ok {
		return false
	}
	if c.ahead == nil {
		c.ahead = make(map[uint64]struct{})
	}
	c.ahead[count] = struct{}{}
	if len(c.ahead) > maxAhead {
		c.skip()
	}
	return true
}

// skip gives up all numbers that are missing.
func (c *client) skip() {
	for count := range c.ahead {
		c.low = max(c.low, count)
	}
	clear(c.ahead)
}
