package spill_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store/spill"
)

func TestParseConfig(t *testing.T) {
	for text, want := range map[string][]string{
		"/fast":         {"/fast"},
		" /fast, /slow": {"/fast", "/slow"},
		`{"type": "filesystem", "params": {"directory_path": "/tmp/fast"}}`:               {"/tmp/fast"},
		`{"type": "filesystem", "params": {"directory_path": ["/a","/b"]}}`:               {"/a", "/b"},
		`{"type": "filesystem", "params": {"directory_path": "/a", "buffer_size": 1000}}`: {"/a"},
	} {
		if c, err := spill.ParseConfig(text); err != nil || !reflect.DeepEqual(c.Directories, want) {
			t.Errorf("%s: %v, %v", text, c, err)
		}
	}
	for _, text := range []string{"", ",", "/a,,/b", "{}", `{"type": "filesystem"}`, `{"type": "tape", "params": {"directory_path": "/a"}}`,
		`{"type": "filesystem", "params": {"directory_path": 5}}`, `{"type": "filesystem", "params": {"directory_path": []}}`,
		`{"type": "filesystem", "params": {"directory_path": "/a"}} x`, `{"type": "filesystem", "parms": {}}`} {
		if c, err := spill.ParseConfig(text); !errors.Is(err, spec.InvalidArgument) {
			t.Errorf("%s: %v, %v", text, c, err)
		}
	}
}

func TestParseSystem(t *testing.T) {
	s, err := spill.ParseSystem(`{"object_spilling_directory": "/a", "object_spilling_config": "{\"type\":\"nonsense\"}", "local_fs_capacity_threshold": 0.5}`)
	if err != nil || s.Spill.Directories[0] != "/a" || s.Spill.Capacity != 0.5 {
		t.Errorf("the directory takes precedence: %+v, %v", s, err)
	}
	for _, text := range []string{"", "[]", `{"min_spilling_size": -1}`, `{"object_store_memory_mb": "500"}`, `{"num_cpus": 1}`, `{"object_spilling_config": "{"}`,
		`{"local_fs_capacity_threshold": 2}`} {
		if s, err := spill.ParseSystem(text); !errors.Is(err, spec.InvalidArgument) {
			t.Errorf("%s: %+v, %v", text, s, err)
		}
	}
}

func ExampleParseSystem() {
	s, err := spill.ParseSystem(`{
		"min_spilling_size": 1048576,
		"object_store_memory_mb": 500,
		"object_spilling_config": "{\"type\": \"filesystem\", \"params\": {\"directory_path\": \"/tmp/fast\"}}"
	}`)
	fmt.Println(s.MinSpill, s.ObjectStoreMemory, s.Spill.Directories, err)
	// Output: 1048576 524288000 [/tmp/fast] <nil>
}

func FuzzParseSystem(f *testing.F) {
	f.Add(`{"min_spilling_size": 1, "object_spilling_config": "{\"type\":\"filesystem\",\"params\":{\"directory_path\":[\"/a\"]}}"}`)
	f.Add("/a,/b")
	f.Fuzz(func(t *testing.T, text string) {
		for _, parse := range []func() (spill.Config, error){
			func() (spill.Config, error) { return spill.ParseConfig(text) },
			func() (spill.Config, error) { s, err := spill.ParseSystem(text); return s.Spill, err },
		} {
			c, err := parse()
			for _, d := range c.Directories {
				if d == "" || err != nil {
					t.Errorf("directories %q, %v", c.Directories, err)
				}
			}
		}
	})
}
