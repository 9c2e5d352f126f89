package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"unsafe"

	ray "github.com/raywasm/raywasm/guest-sdk/go"
)

var (
	_ = ray.Remote1(viewedSum)
	_ = ray.Remote1(viewedNumbers)
	_ = ray.Remote1(viewedUnderStress)
	_ = ray.Remote1(viewedTail)
	_ = ray.Remote1(viewedAll)
	_ = ray.Remote2(viewedEnd)
	_ = ray.Remote2(drafted)
	_ = ray.Remote1(draftedZeros)
	_ = ray.Remote1(draftedNumbers)
	_ = ray.Remote1(draftedAndLeft)

	_ = ray.Actor0(NewViewer)
	_ = ray.Method1((*Viewer).See)
	_ = ray.Method0((*Viewer).Still)
)

func sum(b []byte) (n int) {
	for _, x := range b {
		n += int(x)
	}
	return n
}

// viewedSum adds an argument's bytes up and then writes over all of them: nobody else may see that.
func viewedSum(v ray.View[[]byte]) (int, error) {
	n := sum(v.Data())
	for i := range v.Data() {
		v.Data()[i] = 0xff
	}
	if got := sum(v.Data()); got != 0xff*len(v.Data()) {
		return 0, fmt.Errorf("what it writes it reads as %d", got)
	}
	return n, nil
}

func viewedNumbers(v ray.View[ray.Array[float64]]) (n float64, err error) {
	for _, x := range v.Data() {
		n += x
	}
	return n, nil
}

// viewedUnderStress sees objects while the heap grows, is collected and is used again, and sees that neither harms the other.
func viewedUnderStress(refs []ray.Ref[[]byte]) (int, error) {
	debug.SetGCPercent(10)
	type leaf struct {
		next *leaf
		data []byte
	}
	total := 0
	var kept *leaf
	for round := range 3 {
		var views []ray.View[[]byte]
		for i, r := range refs {
			v, err := ray.ViewOf(r)
			if err != nil {
				return 0, err
			}
			views = append(views, v)
			want := sum(v.Data())
			for k := range 200 {
				b := make([]byte, 1<<(k%15)+1)
				b[len(b)-1] = byte(k)
				if kept = (&leaf{kept, b}); k%50 == 0 {
					kept = &leaf{nil, v.Data()[i:]} // the collector meets a pointer to the object
				}
			}
			runtime.GC()
			if got := sum(v.Data()); got != want {
				return 0, fmt.Errorf("round %d: object %d was %d and is %d", round, i, want, got)
			}
			total += want
		}
		for l := kept; l != nil; l = l.next {
			if l.next != nil && l.data[len(l.data)-1] >= 200 {
				return 0, errors.New("the heap is not what it was")
			}
		}
		kept = nil
		for _, v := range views {
			v.Release()
		}
		if extra := make([]byte, 1<<20); sum(extra) != 0 {
			return 0, errors.New("new memory is not zeros")
		}
	}
	return total, nil
}

// viewedTail returns what it finds behind an object, up to the end of the page.
func viewedTail(v ray.View[[]byte]) ([]byte, error) {
	end := unsafe.Add(unsafe.Pointer(unsafe.SliceData(v.Data())), len(v.Data()))
	return unsafe.Slice((*byte)(end), -uintptr(end)%4096), nil
}

// viewedAll views objects until it is refused, and says how many it saw and why no more.
func viewedAll(refs []ray.Ref[[]byte]) (string, error) {
	for i, r := range refs {
		if _, err := ray.ViewOf(r); err != nil {
			var known *ray.Error
			if !errors.As(err, &known) {
				return "", err
			}
			return fmt.Sprintf("%d %v: %v", i, known.Kind, known), nil
		}
	}
	return fmt.Sprint(len(refs)), nil
}

// viewedEnd ends in the way asked for while it has a view and a draft.
func viewedEnd(v ray.View[[]byte], how string) (int, error) {
	d, err := ray.NewDraft[[]byte](len(v.Data()))
	if err != nil {
		return 0, err
	}
	copy(d.Data(), v.Data())
	v.Data()[0]++
	switch how {
	case "exit":
		os.Exit(3)
	case "trap":
		*(*byte)(unsafe.Add(unsafe.Pointer(&how), 0xff00_0000)) = 1
	case "panic":
		panic("nobody recovers this")
	case "spin":
		for {
			v.Data()[0]++
		}
	case "wait":
		_, err = ray.Get(spinBelowRemote.Remote())
	}
	return 0, err
}

// drafted makes an object in place and writes over it when it is sealed: nobody else may see that.
func drafted(size, fill int) ([]ray.Ref[[]byte], error) {
	d, err := ray.NewDraft[[]byte](size)
	if err != nil {
		return nil, err
	}
	for i := range d.Data() {
		d.Data()[i] = byte(fill)
	}
	r, err := d.Seal()
	if err != nil {
		return nil, err
	}
	for i := range d.Data() {
		d.Data()[i]++
	}
	if got := sum(d.Data()); got != size*(fill+1) {
		return nil, fmt.Errorf("what it writes after the seal it reads as %d", got)
	}
	return []ray.Ref[[]byte]{r}, nil
}

// draftedZeros says whether a draft is all zeros, to the end of its last page.
func draftedZeros(size int) (bool, error) {
	d, err := ray.NewDraft[[]byte](size)
	if err != nil {
		return false, err
	}
	start := unsafe.Pointer(unsafe.SliceData(d.Data()))
	return sum(unsafe.Slice((*byte)(start), size+int(-(uintptr(start)+uintptr(size))%4096))) == 0, nil
}

func draftedNumbers(n int) ([]ray.Ref[ray.Array[float64]], error) {
	d, err := ray.NewDraft[ray.Array[float64]](n)
	if err != nil {
		return nil, err
	}
	for i := range d.Data() {
		d.Data()[i] = float64(i)
	}
	r, err := d.Seal()
	return []ray.Ref[ray.Array[float64]]{r}, err
}

// draftedAndLeft makes a draft and returns.
func draftedAndLeft(size int) (int, error) {
	d, err := ray.NewDraft[[]byte](size)
	if err != nil {
		return 0, err
	}
	d.Data()[0] = 1
	return len(d.Data()), nil
}

// Viewer keeps a view and a ref from call to call. The view ends with the call, the ref does not.
type Viewer struct {
	Ref  ray.Ref[[]byte]
	view ray.View[[]byte]
}

func NewViewer() (*Viewer, error) { return &Viewer{}, nil }

func (a *Viewer) See(refs []ray.Ref[[]byte]) (n int, err error) {
	a.Ref = refs[0]
	a.view, err = ray.ViewOf(a.Ref)
	return sum(a.view.Data()), err
}

// Still returns what there is to be seen in the view of the call before, and in a new one.
func (a *Viewer) Still() ([]int, error) {
	before := len(a.view.Data())
	v, err := ray.ViewOf(a.Ref)
	return []int{before, sum(v.Data())}, err
}
