package hostcall

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryFunctionIsFuzzed: for submit there is FuzzSubmit, for actor_call FuzzActorCall, and so on, for each function that
// has parameters.
func TestEveryFunctionIsFuzzed(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	fuzzed := make(map[string]bool)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`(?m)^func Fuzz(\w+)\(`).FindAllSubmatch(text, -1) {
			fuzzed[strings.ToLower(string(match[1]))] = true
		}
	}
	for _, f := range functions {
		if len(f.Params) > 0 && !fuzzed[strings.ReplaceAll(f.Name, "_", "")] {
			t.Errorf("%s has no fuzz target", f.Name)
		}
	}
}
