package spill

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"go.uber.org/zap"

	"github.com/raywasm/raywasm/spec"
)

// Config says where to spill. The zero value is nowhere.
type Config struct {
	// Directories are used in turn. Each gets a directory of the session.
	Directories []string
	// Capacity is the part of a directory's file system that may be in use. 0: DefaultCapacity.
	Capacity float64
}

// System is what Ray calls _system_config, as far as it is about the object store.
type System struct {
	// MinSpill is min_spilling_size in bytes, ObjectStoreMemory object_store_memory_mb in bytes; 0: not said.
	MinSpill, ObjectStoreMemory int64
	// Spill is object_spilling_config, or object_spilling_directory, which takes precedence.
	Spill Config
}

// systemForm is the JSON of a System. object_spilling_config is a string that holds JSON.
type systemForm struct {
	MinSpill  int64   `json:"min_spilling_size"`
	MemoryMB  int64   `json:"object_store_memory_mb"`
	Config    string  `json:"object_spilling_config"`
	Directory string  `json:"object_spilling_directory"`
	Capacity  float64 `json:"local_fs_capacity_threshold"`
}

// ParseSystem reads Ray's _system_config:
//
//	{"min_spilling_size": 1048576, "object_store_memory_mb": 500,
//	 "object_spilling_config": "{\"type\": \"filesystem\", \"params\": {\"directory_path\": \"/tmp/fast\"}}"}
//
// Errors: spec.InvalidArgument.
func ParseSystem(text string) (System, error) {
	const op = "read the object store's configuration"
	var form systemForm
	if err := strict(text, &form); err != nil {
		return System{}, &spec.Error{Op: op, Kind: spec.InvalidArgument, Err: err}
	}
	if form.MinSpill < 0 || form.MemoryMB < 0 || form.MemoryMB > 1<<40 || form.Capacity < 0 || form.Capacity > 1 {
		return System{}, spec.Errorf(op, spec.InvalidArgument, "", "sizes are not negative, and local_fs_capacity_threshold is between 0 and 1")
	}
	s := System{MinSpill: form.MinSpill, ObjectStoreMemory: form.MemoryMB * spec.MiB}
	if text := form.Directory + form.Config; text != "" {
		if form.Directory != "" {
			text = form.Directory
		}
		c, err := ParseConfig(text)
		if err != nil {
			return System{}, err
		}
		s.Spill = c
	}
	s.Spill.Capacity = form.Capacity
	return s, nil
}

// ParseConfig reads where to spill: directories with commas between them, or Ray's JSON form of an object_spilling_config.
//
//	/fast,/slow
//	{"type": "filesystem", "params": {"directory_path": "/fast"}}
//	{"type": "filesystem", "params": {"directory_path": ["/fast", "/slow"]}}
//
// Errors: spec.InvalidArgument.
func ParseConfig(text string) (Config, error) {
	c, err := parseConfig(strings.TrimSpace(text))
	if err != nil {
		return Config{}, &spec.Error{Op: "read where to spill", Kind: spec.InvalidArgument, Err: err}
	}
	return c, nil
}

func parseConfig(text string) (Config, error) {
	var c Config
	if !strings.HasPrefix(text, "{") {
		c.Directories = strings.Split(text, ",")
	} else {
		var form struct {
			Type   string `json:"type"`
			Params struct {
				Directory json.RawMessage `json:"directory_path"`
				Buffer    int64           `json:"buffer_size"` // Ray's; what is written here is in memory already
			} `json:"params"`
		}
		if err := strict(text, &form); err != nil {
			return c, err
		}
		if form.Type != "filesystem" {
			return c, errors.New("the type " + form.Type + ` is not known, "filesystem" is`)
		}
		var one string
		if json.Unmarshal(form.Params.Directory, &one) == nil {
			c.Directories = []string{one}
		} else if err := json.Unmarshal(form.Params.Directory, &c.Directories); err != nil {
			return c, errors.New("directory_path is a string, or a list of strings")
		}
	}
	for i, d := range c.Directories {
		if c.Directories[i] = strings.TrimSpace(d); c.Directories[i] == "" {
			return c, errors.New("a directory has no name")
		}
	}
	if len(c.Directories) == 0 {
		return c, errors.New("there is no directory")
	}
	return c, nil
}

// strict reads one JSON value that has no fields but those of into.
func strict(text string, into any) error {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the configuration")
	}
	return nil
}

// Open opens the disk; nil if there is nowhere to spill. Errors: spec.RuntimeEnvSetup for a directory that cannot be used.
func (c Config) Open(log *zap.Logger) (*Disk, error) {
	var targets []Target
	for _, parent := range c.Directories {
		t, err := OpenDir(parent, c.Capacity, OS{})
		if err != nil {
			for _, t := range targets {
				err = errors.Join(err, t.Close())
			}
			return nil, err
		}
		targets = append(targets, t)
	}
	if len(targets) == 0 {
		return nil, nil
	}
	return NewDisk(log, DefaultSlack, targets...), nil
}
