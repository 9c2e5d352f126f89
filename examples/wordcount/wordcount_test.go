package main_test

import (
	"cmp"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/raywasm/raywasm/examples/internal/exampletest"
	"github.com/raywasm/raywasm/host"
)

func TestWordcount(t *testing.T) {
	example := exampletest.Open(t, host.Config{})

	t.Run("odd cases", func(t *testing.T) {
		dir := t.TempDir()
		var counted []string
		for name, file := range oddFiles() {
			write(t, filepath.Join(dir, name), file.text)
			if file.counted {
				counted = append(counted, file.text)
			}
		}
		if err := os.Symlink("plain.txt", filepath.Join(dir, "link.txt")); err != nil {
			t.Fatal(err)
		}
		want := expect(counted, 1000)
		for _, chunk := range []string{"1", "2", "7", "64", "1000", "262144"} {
			got := example.Run(t, host.JobConfig{WorkingDir: dir, Args: []string{"-ext", ".txt,.md", "-top", "1000", "-chunk", chunk}})
			if got.Status != 0 || got.Stdout != want {
				t.Errorf("in chunks of %s bytes: status %d\n%s", chunk, got.Status, firstDifference(got.Stdout, want))
			}
		}
	})

	// The documents and sources of this repository, as a copy: somebody may be writing them.
	t.Run("this repository", func(t *testing.T) {
		dir := t.TempDir()
		texts := copyTexts(t, "../..", dir, ".md", ".go")
		got := example.Run(t, host.JobConfig{WorkingDir: dir, Args: []string{"-ext", ".md,.go", "-top", "50", "-chunk", "16384"}})
		if want := expect(texts, 50); got.Status != 0 || got.Stdout != want {
			t.Errorf("status %d\n%s", got.Status, firstDifference(got.Stdout, want))
		}
		if got.Stats.Failed != 0 || got.Stats.Finished < 3 { // more than one chunk, so there was something to merge
			t.Errorf("tasks: %+v", got.Stats)
		}
	})

	t.Run("nothing to count", func(t *testing.T) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "a.go"), "package a")
		got := example.Run(t, host.JobConfig{WorkingDir: dir})
		if got.Status != 1 || got.Stdout != "" || !strings.Contains(got.Stderr, ".md or .txt") {
			t.Errorf("status %d, stdout %q, stderr %q", got.Status, got.Stdout, got.Stderr)
		}
	})

	t.Run("no working directory", func(t *testing.T) {
		got := example.Run(t, host.JobConfig{})
		if got.Status != 1 || got.Stdout != "" || !strings.HasPrefix(got.Stderr, "wordcount: ") {
			t.Errorf("status %d, stdout %q, stderr %q", got.Status, got.Stdout, got.Stderr)
		}
	})
}

type file struct {
	text    string
	counted bool
}

func oddFiles() map[string]file {
	return map[string]file{
		"plain.txt":             {"The quick brown fox. The lazy dog!\n", true},
		"empty.txt":             {"", true},
		"space.txt":             {" \t\r\n\n  ", true},
		"crlf.txt":              {"one\r\ntwo\r\nthree\r\n\r\none", true},
		"a/ends-in-a-word.txt":  {"the last wo", true},
		"a/next.txt":            {"rd is not joined", true},
		"a/b/c/deep.md":         {"# Deep\n\ndeep-down", true},
		"dir.txt/inside.txt":    {"inside a folder with the name of a text", true},
		"letters.txt":           {"Größe größe GRÖSSE ÉTÉ été Ελλάς ελλάς Привет привет 日本語 日本 e\u0301te\u0301 नमस्ते x\u00a0y…z", true},
		"numbers.txt":           {"1 22 22 ½ x2 2x ٣", true},
		"marks.txt":             {"don't don't well-known snake_case a.b.c", true},
		"not-utf8.txt":          {"caf\xe9 caf\xe9 na\xefve \xff\xfe end", true},
		"long-word.txt":         {strings.Repeat("é", 3000) + " " + strings.Repeat("x", 5000), true},
		"no-white-space.txt":    {strings.Repeat("word,", 2000), true},
		"scripts.txt":           {mixture(20_000), true},
		"binary.txt":            {"words and\x00zeros", false},
		"empty-name/.hidden.md": {"hidden file", false},
		".hidden/file.md":       {"in a hidden folder", false},
		"source.go":             {"package other", false},
		"upper.TXT":             {"other ending", false},
	}
}

// mixture makes about n bytes of words of one to four bytes a letter, with all kinds of separators between them.
func mixture(n int) string {
	random := rand.New(rand.NewPCG(1, 2))
	words := []string{"a", "of", "word", "Wörter", "слово", "λόγος", "言葉", "𐐷𐐷", "ß", "x1"}
	separators := []string{" ", " ", " ", "\n", "\r\n", "\t", ", ", "—", "\u2028", "\u00a0", "…", " - "}
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(words[random.IntN(len(words))])
		b.WriteString(separators[random.IntN(len(separators))])
	}
	return b.String()
}

var word = regexp.MustCompile(`[\p{L}\p{N}\p{M}]+`)

// expect counts words in the plain way: all texts whole, one after another.
func expect(texts []string, top int) string {
	counts := make(map[string]int)
	total := 0
	for _, text := range texts {
		for _, w := range word.FindAllString(text, -1) {
			counts[strings.ToLower(w)]++
			total++
		}
	}
	type entry struct {
		word string
		n    int
	}
	var entries []entry
	for w, n := range counts {
		entries = append(entries, entry{w, n})
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Or(b.n-a.n, strings.Compare(a.word, b.word)) })
	want := fmt.Sprintf("%d files, %d words, %d distinct\n", len(texts), total, len(entries))
	for _, e := range entries[:min(top, len(entries))] {
		want += fmt.Sprintf("%8d %s\n", e.n, e.word)
	}
	return want
}

// copyTexts copies the files below from with these endings, hidden folders left out, and returns their texts.
func copyTexts(t *testing.T, from, to string, ext ...string) (texts []string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if strings.HasPrefix(d.Name(), ".") && d.Name() != ".." && d.Name() != "." {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || !slices.Contains(ext, filepath.Ext(path)) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		write(t, filepath.Join(to, rel), string(text))
		texts = append(texts, string(text))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(texts) < 20 {
		t.Fatalf("found %d texts in the repository: this test would prove little", len(texts))
	}
	return texts
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// firstDifference shows the first line in which two outputs differ.
func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		var a, b string
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			return fmt.Sprintf("line %d is  %q\nbut want %q", i+1, a, b)
		}
	}
	return "the outputs are the same"
}
