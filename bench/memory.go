package main

import (
	"errors"
	"runtime/debug"
	"strconv"
	"strings"
)

var errNoProc = errors.New("this system does not tell how much memory a process has")

// resident returns how much memory the process has after a garbage collection, in bytes: resident pages, those mapped
// more than once counted once (PSS), and page tables.
func resident() (total float64, err error) {
	debug.FreeOSMemory()
	debug.FreeOSMemory() // what the first found to be finalised
	for _, part := range [][2]string{{"/proc/self/smaps_rollup", "Pss"}, {"/proc/self/status", "VmPTE"}} {
		kilobytes, err := strconv.ParseFloat(strings.TrimSuffix(field(part[0], part[1]), " kB"), 64)
		if err != nil {
			return 0, errNoProc
		}
		total += kilobytes * 1024
	}
	return total, nil
}
