package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// machine is where a run was made. What a system does not tell is empty.
type machine struct {
	CPU    string    `json:"cpu"`
	Cores  int       `json:"cores"`
	Memory string    `json:"memory"`
	System string    `json:"system"`
	Go     string    `json:"go"`
	Load   string    `json:"load"` // averages over 1, 5 and 15 minutes when the run began
	Began  time.Time `json:"began"`
}

func thisMachine() machine {
	return machine{
		CPU:    field("/proc/cpuinfo", "model name"),
		Cores:  runtime.GOMAXPROCS(0),
		Memory: field("/proc/meminfo", "MemTotal"),
		System: strings.TrimSpace(runtime.GOOS + "/" + runtime.GOARCH + " " + text("/proc/sys/kernel/osrelease")),
		Go:     runtime.Version(),
		Load:   strings.Join(strings.Fields(text("/proc/loadavg") + " - - -")[:3], " "),
		Began:  time.Now().UTC().Truncate(time.Second),
	}
}

func (m machine) String() string {
	return fmt.Sprintf("%s, %d cores, %s, %s, %s, load %s, %s", m.CPU, m.Cores, m.Memory, m.System, m.Go, m.Load, m.Began.Format(time.DateOnly))
}

// text returns what is in a file, "" if it cannot be read.
func text(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// field returns what follows the first "name:" at the beginning of a line of a file.
func field(path, name string) string {
	for line := range strings.Lines(text(path)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
