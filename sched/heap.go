package sched

// heap keeps what goes first on top, and knows where each item is, so that one can be taken out of the middle.
type heap[T any] struct {
	items  []T
	before func(a, b T) bool
	place  func(T) *int // where an item keeps its index
}

func (h *heap[T]) top() T { return h.items[0] }

func (h *heap[T]) push(x T) {
	h.items = append(h.items, x)
	h.up(len(h.items) - 1)
}

// remove takes the item at i out.
func (h *heap[T]) remove(i int) {
	last := len(h.items) - 1
	x := h.items[last]
	var none T
	h.items[last] = none
	h.items = h.items[:last]
	if i < last {
		h.put(i, x)
		h.fix(i)
	}
}

// fix moves the item at i, which changed, to its place.
func (h *heap[T]) fix(i int) {
	if !h.down(i) {
		h.up(i)
	}
}

func (h *heap[T]) put(i int, x T) {
	h.items[i] = x
	*h.place(x) = i
}

func (h *heap[T]) up(i int) {
	x := h.items[i]
	for i > 0 {
		parent := (i - 1) / 2
		if !h.before(x, h.items[parent]) {
			break
		}
		h.put(i, h.items[parent])
		i = parent
	}
	h.put(i, x)
}

// down reports whether the item moved.
func (h *heap[T]) down(i int) bool {
	x, from := h.items[i], i
	for {
		child := 2*i + 1
		if child >= len(h.items) {
			break
		}
		if right := child + 1; right < len(h.items) && h.before(h.items[right], h.items[child]) {
			child = right
		}
		if !h.before(h.items[child], x) {
			break
		}
		h.put(i, h.items[child])
		i = child
	}
	h.put(i, x)
	return i != from
}
