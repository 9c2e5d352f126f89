package source

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestGeneratedFilesAreCurrent(t *testing.T) {
	files, err := Files("../../../../../spec/kind.go")
	if err != nil {
		t.Fatal(err)
	}
	for name, wanted := range files {
		got, err := os.ReadFile(filepath.Join("../../..", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, wanted) {
			t.Errorf("%s is not what the generator makes: run go generate in guest-sdk/go", name)
		}
	}
}
