// Wordcount counts the words of the text files in the job's working directory: a map task per chunk of text, and a tree
// of reduce tasks that merge the counts two by two.
package main

import (
	"bufio"
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	ray "github.com/raywasm/raywasm/guest-sdk/go"
)

// Counts says how often each word occurs.
type Counts map[string]int

// count counts the words of a chunk. A word is a run of letters, digits and the marks that combine with them, in lower
// case.
func count(chunk []byte) (Counts, error) {
	counts := make(Counts)
	for word := range strings.FieldsFuncSeq(strings.ToLower(string(chunk)), isSeparator) {
		counts[word]++
	}
	return counts, nil
}

func isSeparator(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r)
}

// merge adds up two counts. Its arguments are its own copies, so it may change them.
func merge(a, b Counts) (Counts, error) {
	if len(a) < len(b) {
		a, b = b, a
	}
	for word, n := range b {
		a[word] += n
	}
	return a, nil
}

var (
	countRemote = ray.Remote1(count)
	mergeRemote = ray.Remote2(merge)
)

func main() {
	ext := flag.String("ext", ".md,.txt", "count files whose names end so: a list with commas")
	top := flag.Int("top", 20, "print that many of the most frequent words")
	size := flag.Int("chunk", 256<<10, "size of a chunk in bytes; it ends at the first white space after that")
	bundles := flag.Int("group", 0, "run the tasks in a placement group of that many bundles of one CPU, on as many nodes as there are; 0: anywhere")
	flag.Parse()
	if err := run(strings.Split(*ext, ","), *top, *size, *bundles); err != nil {
		fmt.Fprintln(os.Stderr, "wordcount:", err)
		os.Exit(1)
	}
}

func run(ext []string, top, size, bundles int) error {
	start := time.Now()
	c, merge := &chunker{size: size, count: countRemote}, mergeRemote
	if bundles > 0 {
		group, err := reserve(bundles)
		if err != nil {
			return err
		}
		defer group.Remove()
		c.count, merge = countRemote.With(ray.InPlacementGroup(group)), mergeRemote.With(ray.InPlacementGroup(group))
	}
	files, err := readTexts(c, "/", ext)
	if err != nil {
		return err
	}
	if files == 0 {
		return fmt.Errorf("no text file in the working directory has a name that ends in %s", strings.Join(ext, " or "))
	}
	if err := c.flush(); err != nil {
		return err
	}
	counts, err := reduce(c.counts, merge)
	if err != nil {
		return err
	}
	report(os.Stdout, files, counts, top)
	took := time.Since(start).Seconds()
	fmt.Fprintf(os.Stderr, "%d bytes in %d chunks took %.2f s: %.1f MB/s\n", c.bytes, len(c.counts), took, float64(c.bytes)/1e6/took)
	return nil
}

// reserve makes a placement group of n bundles, spread over the nodes, and waits for its place.
func reserve(n int) (ray.Group, error) {
	group, err := ray.PlacementGroup(ray.GroupOptions{Strategy: ray.StrategySpread, Bundles: slices.Repeat([]ray.Bundle{{CPUs: 1}}, n)})
	if err != nil {
		return group, err
	}
	_, err = group.Ready().Get()
	return group, err
}

// readTexts writes every text file below root whose name has one of the endings to w, and returns their number. Hidden
// and binary files are left out.
func readTexts(w io.Writer, root string, ext []string) (files int, err error) {
	hasExt := func(name string) bool {
		return slices.ContainsFunc(ext, func(e string) bool { return strings.HasSuffix(name, e) })
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch hidden := strings.HasPrefix(d.Name(), "."); {
		case err != nil:
			return err
		case hidden && d.IsDir():
			return filepath.SkipDir
		case hidden || !d.Type().IsRegular() || !hasExt(d.Name()):
			return nil
		}
		text, err := readText(w, path)
		if text {
			files++
		}
		return err
	})
	return files, err
}

// readText writes a file to w, and a line end so that the next file does not continue its last word. It reports false
// for a binary file: one with a zero byte near its beginning, as git sees it.
func readText(w io.Writer, path string) (text bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 8<<10)
	head, err := r.Peek(r.Size())
	if err != nil && err != io.EOF {
		return false, err
	}
	if bytes.IndexByte(head, 0) >= 0 {
		return false, nil
	}
	if _, err := io.Copy(w, r); err != nil {
		return false, err
	}
	_, err = w.Write([]byte("\n"))
	return true, err
}

// window is how many chunks may wait for their tasks: it bounds what the object store holds of the text.
const window = 256

// chunker is a writer that cuts what it is given into chunks and has each one counted. A word is never cut.
type chunker struct {
	size   int
	count  ray.Function1[[]byte, Counts]
	chunk  []byte
	bytes  int               // written in all
	counts []ray.Ref[Counts] // of the chunks so far
}

func (c *chunker) Write(p []byte) (n int, err error) {
	c.bytes += len(p)
	for n < len(p) {
		rest := p[n:]
		full := min(max(c.size-len(c.chunk), 0), len(rest)) // up to there the chunk is not full
		end := bytes.IndexAny(rest[full:], " \t\r\n") + 1
		if end == 0 {
			c.chunk = append(c.chunk, rest...)
			return len(p), nil
		}
		c.chunk = append(c.chunk, rest[:full+end]...)
		if err := c.flush(); err != nil {
			return n, err
		}
		n += full + end
	}
	return n, nil
}

// flush makes an object of the chunk and submits the task that counts its words.
func (c *chunker) flush() error {
	if len(c.chunk) == 0 {
		return nil
	}
	if i := len(c.counts) - window; i >= 0 {
		if _, _, err := ray.Wait(c.counts[i:i+1], 1, ray.Forever); err != nil {
			return err
		}
	}
	object, err := ray.Put(c.chunk)
	if err != nil {
		return err
	}
	c.counts = append(c.counts, c.count.RemoteRefs(object))
	object.Release() // the task holds it now, and the store forgets it when the task is done
	c.chunk = c.chunk[:0]
	return nil
}

// reduce merges counts two by two: the results go to the end of the queue, which makes the merges a balanced tree. All
// of them are submitted at once; each runs when its two arguments are there, and the driver sees none of the counts but
// the last.
func reduce(counts []ray.Ref[Counts], merge ray.Function2[Counts, Counts, Counts]) (Counts, error) {
	for len(counts) > 1 {
		a, b := counts[0], counts[1]
		counts = append(counts[2:], merge.RemoteRefs(a, b))
		a.Release()
		b.Release()
	}
	return counts[0].Get()
}

func report(w io.Writer, files int, counts Counts, top int) {
	words := slices.Collect(maps.Keys(counts))
	slices.SortFunc(words, func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	total := 0
	for _, n := range counts {
		total += n
	}
	fmt.Fprintf(w, "%d files, %d words, %d distinct\n", files, total, len(words))
	for _, word := range words[:min(top, len(words))] {
		fmt.Fprintf(w, "%8d %s\n", counts[word], word)
	}
}
