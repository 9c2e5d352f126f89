package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store/spill"
)

// The values of flags that pflag does not know. What is wrong with one is a usage error.

// size is a number of bytes: 1536, 500MiB, 2G.
type size int64

func (s *size) String() string {
	if *s == 0 {
		return ""
	}
	return spec.FormatBytes(int64(*s))
}

func (s *size) Type() string { return "SIZE" }

func (s *size) Set(text string) error {
	n, err := spec.ParseBytes(text)
	if err != nil || n == 0 {
		return fmt.Errorf("want a size such as 500MiB or 2GiB")
	}
	*s = size(n)
	return nil
}

// amounts are numbers by name: x86=4.
type amounts map[string]float64

func (a amounts) String() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(a)) {
		parts = append(parts, name+"="+strconv.FormatFloat(a[name], 'f', -1, 64))
	}
	return strings.Join(parts, ",")
}

func (a amounts) Type() string { return "NAME=N" }

func (a amounts) Set(text string) error {
	name, number, ok := strings.Cut(text, "=")
	n, err := strconv.ParseFloat(number, 64)
	if !ok || name == "" || err != nil {
		return fmt.Errorf("want a name and a number such as x86=4")
	}
	a[name] = n
	return nil
}

// spilling is where objects are spilled to: directories with commas between them, or Ray's object_spilling_config.
type spilling spill.Config

func (s *spilling) String() string { return strings.Join(s.Directories, ",") }

func (s *spilling) Type() string { return "DIR" }

func (s *spilling) Set(text string) error {
	c, err := spill.ParseConfig(text)
	*s = spilling(c)
	return err
}

// variables are an environment: K=V, or K alone to copy it from the caller's.
type variables map[string]string

func (v variables) String() string { return strings.Join(slices.Sorted(maps.Keys(v)), ",") }

func (v variables) Type() string { return "K[=V]" }

func (v variables) Set(text string) error {
	name, value, given := strings.Cut(text, "=")
	if !given {
		value, given = os.LookupEnv(name)
	}
	switch {
	case name == "":
		return fmt.Errorf("want K=V, or K to copy it from the environment")
	case !given:
		return fmt.Errorf("%s is not set in the environment: say %s=VALUE", name, name)
	}
	v[name] = value
	return nil
}
