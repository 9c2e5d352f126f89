package clusterfile_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/raywasm/raywasm/sched/autoscaler/clusterfile"
	"github.com/raywasm/raywasm/spec"
)

// schema returns the published schema as a function.
func schema(t testing.TB) func(yamlText []byte) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(clusterfile.Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("cluster.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("cluster.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return func(text []byte) error {
		var v any
		if err := yaml.Unmarshal(text, &v); err != nil {
			return err
		}
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		inst, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			return err
		}
		return s.Validate(inst)
	}
}

// samples calls f with every file of a folder of testdata and what its first line wants of the error.
func samples(t *testing.T, folder string, f func(t *testing.T, text []byte, want string)) {
	paths, err := filepath.Glob(filepath.Join("testdata", folder, "*.yaml"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("there are no samples in %s: %v", folder, err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			first, _, _ := strings.Cut(string(text), "\n")
			want, _ := strings.CutPrefix(first, "# want: ")
			f(t, text, want)
		})
	}
}

func TestAccepted(t *testing.T) {
	valid := schema(t)
	samples(t, "accept", func(t *testing.T, text []byte, _ string) {
		if _, err := clusterfile.Parse("c.yaml", text); err != nil {
			t.Error(err)
		}
		if err := valid(text); err != nil {
			t.Errorf("the schema refuses it: %v", err)
		}
	})
}

func refused(t *testing.T, text []byte, want string) {
	t.Helper()
	_, err := clusterfile.Parse("c.yaml", text)
	if !errors.Is(err, spec.InvalidArgument) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "c.yaml:") {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestRefused(t *testing.T) {
	valid := schema(t)
	samples(t, "refuse", func(t *testing.T, text []byte, want string) {
		refused(t, text, want)
		if valid(text) == nil {
			t.Error("the schema accepts it")
		}
	})
}

// What a schema cannot say, the parser does.
func TestRefusedBeyondTheSchema(t *testing.T) {
	valid := schema(t)
	samples(t, "beyond", func(t *testing.T, text []byte, want string) {
		refused(t, text, want)
		if err := valid(text); err != nil {
			t.Errorf("the schema can say it: move the sample to refuse: %v", err)
		}
	})
}

func TestRefusedAsYAML(t *testing.T) {
	samples(t, "yaml", func(t *testing.T, text []byte, want string) { refused(t, text, want) })
}

func TestEveryProblemIsTold(t *testing.T) {
	_, err := clusterfile.Parse("c.yaml", []byte("cluster_name: 1\nmax_workers: x\nprovider: {}\navailable_node_types: {}\nhead_node_type: []\n"))
	for _, want := range []string{"c.yaml:1:15: cluster_name", "c.yaml:2:14: max_workers", "provider.type: is missing", "c.yaml:5:17: head_node_type"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}

func TestParse(t *testing.T) {
	text, err := os.ReadFile("testdata/accept/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := clusterfile.Parse("full.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	a := c.Autoscaler
	if c.Name != "production-1" || c.Provider.Type != "kubernetes" || c.Provider.Config["namespace"] != "ray" || c.Head != "head" ||
		a.MaxWorkers != 100 || a.UpscalingSpeed != 2.5 || a.IdleTimeout != 30*time.Second || len(a.Types) != 2 {
		t.Errorf("%+v", c)
	}
	w := a.Types[1]
	want := spec.Resources{CPU: 45_000, GPU: 20_000, Memory: 8 * spec.GiB, Custom: map[string]spec.Quantity{"disk": 2500}}
	if w.Name != "worker" || !reflect.DeepEqual(w.Resources, want) || w.MinWorkers != 3 || w.MaxWorkers != 50 || w.Labels.String() != "market=spot,ray.io/availability-zone=a" {
		t.Errorf("%+v", w)
	}
	// The digest tells machines that differ, and only those.
	change := func(old, new string) string {
		d, err := clusterfile.Parse("c.yaml", bytes.Replace(text, []byte(old), []byte(new), 1))
		if err != nil {
			t.Fatal(err)
		}
		return d.Autoscaler.Types[1].Digest
	}
	if w.Digest == "" || change("min_workers: 3", "min_workers: 2") != w.Digest {
		t.Error("a limit changes the digest")
	}
	for _, old := range []string{"ray:1", "market: spot", "CPU: 4.5"} {
		if change(old, strings.NewReplacer("1", "2", "spot", "fair", "4.5", "5").Replace(old)) == w.Digest {
			t.Errorf("another %s does not change the digest", old)
		}
	}
}

func ExampleParse() {
	_, err := clusterfile.Parse("cluster.yaml", []byte(`cluster_name: demo
provider: {type: process}
available_node_types:
  small:
    resources: {CPU: 4}
    max_worker: 3
head_node_type: small
`))
	fmt.Println(err)
	// Output:
	// read the cluster file cluster.yaml: cluster.yaml:6:5: available_node_types.small.max_worker: unknown key; did you mean max_workers? (InvalidArgument)
}

// FuzzParse: no file ends the program, and one that is accepted gives a cluster that holds and that the schema accepts.
func FuzzParse(f *testing.F) {
	paths, err := filepath.Glob("testdata/*/*.yaml")
	if err != nil || len(paths) == 0 {
		f.Fatal("no samples")
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	valid := schema(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := clusterfile.Parse("f.yaml", text)
		if err != nil {
			if !errors.Is(err, spec.InvalidArgument) {
				t.Fatalf("%v is of no kind that a caller expects", err)
			}
			return
		}
		if err := c.Autoscaler.Check(); err != nil {
			t.Fatal(err)
		}
		if err := valid(text); err != nil {
			t.Fatalf("the schema refuses it: %v", err)
		}
	})
}
