package host

import (
	"bufio"
	"fmt"
	"os"

	"github.com/raywasm/raywasm/spec"
)

// fallbackMemory is assumed where the system does not say how much memory it has.
const fallbackMemory = 8 * spec.GiB

// machineMemory returns the machine's memory in bytes (Linux: MemTotal of /proc/meminfo).
func machineMemory() int64 {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return fallbackMemory
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var kib int64
		if n, _ := fmt.Sscanf(lines.Text(), "MemTotal: %d kB", &kib); n == 1 {
			return kib * spec.KiB
		}
	}
	return fallbackMemory
}
