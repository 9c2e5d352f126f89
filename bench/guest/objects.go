package main

import (
	"fmt"
	"time"

	ray "github.com/raywasm/raywasm/guest-sdk/go"
)

var (
	_ = ray.Remote3(readObject)
	_ = ray.Remote3(makeObject)
	_ = ray.Remote1(getMany)
)

// readObject reads an object of size bytes, in place or by a copy, and returns the nanoseconds until all of it can be read.
func readObject(refs []ray.Ref[[]byte], size int, way string) (int64, error) {
	begin := time.Now()
	var data []byte
	if way == "copy" {
		b, err := refs[0].Get()
		if err != nil {
			return 0, err
		}
		data = b
	} else {
		v, err := ray.ViewOf(refs[0])
		if err != nil {
			return 0, err
		}
		data = v.Data()
	}
	sum := int(data[0]) + int(data[len(data)-1])
	if way == "in place, a byte of each page" {
		for i := 0; i < len(data); i += 4096 {
			sum += int(data[i])
		}
	}
	if len(data) != size || sum < 0 {
		return 0, fmt.Errorf("it has %d bytes, whose sum is %d", len(data), sum)
	}
	return int64(time.Since(begin)), nil
}

// makeObject makes an object of size bytes, and returns the nanoseconds. The bytes are there before, but where they are
// written in place: then writing them counts, as copying them does for memmove.
func makeObject(size, times int, way string) (int64, error) {
	data := make([]byte, size)
	for i := 0; i < size; i += 4096 {
		data[i] = byte(i)
	}
	var to []byte
	if way == "memmove" {
		to = make([]byte, size)
		copy(to, data) // so that its pages are there
	}
	begin := time.Now()
	for range times {
		switch way {
		case "memmove":
			copy(to, data)
		case "put":
			r, err := ray.Put(data)
			if err != nil {
				return 0, err
			}
			r.Release()
		default:
			d, err := ray.NewDraft[[]byte](size)
			if err != nil {
				return 0, err
			}
			copy(d.Data(), data)
			r, err := d.Seal()
			if err != nil {
				return 0, err
			}
			r.Release()
			d.Release()
		}
	}
	return int64(time.Since(begin)) / int64(times), nil
}

// getMany gets n objects at once and returns the nanoseconds.
func getMany(n int) (int64, error) {
	refs, err := refsOf(n)
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	values, err := ray.GetAll(refs)
	if err != nil || len(values) != n || values[n-1] != n-1 {
		return 0, fmt.Errorf("%d values, %w", len(values), err)
	}
	return int64(time.Since(begin)), nil
}
