package residency

// list holds objects in the order in which they were put there.
type list struct {
	first, last *object
	bytes       int64
	length      int
}

func (l *list) append(o *object) {
	o.list, o.prev, o.next = l, l.last, nil
	if l.last != nil {
		l.last.next = o
	} else {
		l.first = o
	}
	l.last = o
	l.bytes += o.size
	l.length++
}

func (l *list) remove(o *object) {
	if o.prev != nil {
		o.prev.next = o.next
	} else {
		l.first = o.next
	}
	if o.next != nil {
		o.next.prev = o.prev
	} else {
		l.last = o.prev
	}
	o.list, o.prev, o.next = nil, nil, nil
	l.bytes -= o.size
	l.length--
}
