// A guest that tries what a Go program does to its system. Its first argument says what; it prints what it found.
package main

import (
	"bytes"
	crand "crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	switch os.Args[1] {
	case "files":
		files()
	case "dirs":
		dirs()
	case "links":
		links()
	case "denied":
		denied()
	case "escape":
		escape()
	case "env":
		fmt.Printf("%q %q %q\n", os.Args, os.Environ(), os.Getenv("K"))
	case "stdin":
		b, err := io.ReadAll(os.Stdin)
		fmt.Println(len(b), err)
	case "sleep":
		d, err := time.ParseDuration(os.Args[2])
		check(err)
		start := time.Now()
		fmt.Println("sleeping")
		time.Sleep(d)
		fmt.Println(time.Since(start) >= d)
	case "timers":
		timers()
	case "random":
		var b [16]byte
		crand.Read(b[:])
		fmt.Printf("%x %x %s\n", b, rand.Uint64(), time.Now().UTC().Format(time.RFC3339Nano))
	case "exit":
		code, err := strconv.Atoi(os.Args[2])
		check(err)
		fmt.Fprintln(os.Stderr, "leaving")
		os.Exit(code)
	case "panic":
		panic("boom")
	case "flood":
		line := bytes.Repeat([]byte("x"), 1<<20)
		for {
			if _, err := os.Stdout.Write(line); err != nil {
				fmt.Fprint(os.Stderr, errors.Is(err, syscall.EDQUOT))
				os.Exit(3)
			}
		}
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func files() {
	b, err := os.ReadFile("/a.txt")
	fmt.Printf("%s %v\n", b, err)
	b, err = os.ReadFile("sub/b.txt")
	fmt.Printf("%s %v\n", b, err)

	f, err := os.Open("/a.txt")
	check(err)
	at, err := f.Seek(-2, io.SeekEnd)
	check(err)
	b, err = io.ReadAll(f)
	check(err)
	three := make([]byte, 3)
	n, err := f.ReadAt(three, 1)
	fmt.Printf("%d %s %d %s %v\n", at, b, n, three, err)
	opened, err := f.Stat()
	check(err)
	named, err := os.Stat("/sub/../a.txt")
	check(err)
	other, err := os.Stat("/sub/b.txt")
	check(err)
	fmt.Println(named.Size(), named.Mode().IsRegular(), os.SameFile(opened, named), os.SameFile(opened, other))
	check(f.Close())

	_, err = os.Stat("/none")
	_, err2 := os.Open("/a.txt/x")
	fmt.Println(errors.Is(err, fs.ErrNotExist), errors.Is(err2, syscall.ENOTDIR))
}

func dirs() {
	list, err := os.ReadDir("/")
	check(err)
	for _, e := range list {
		fmt.Print(e.Name(), " ", e.Type(), " ")
	}
	fmt.Println()
	check(filepath.WalkDir("/", func(path string, _ fs.DirEntry, err error) error {
		fmt.Print(path, " ")
		return err
	}))
	fmt.Println()
	many, err := os.ReadDir("/sub/deep")
	check(err)
	fmt.Println(len(many), many[0].Name(), many[len(many)-1].Name())

	d, err := os.Open("/sub/deep")
	check(err)
	first, err := d.Readdirnames(2)
	check(err)
	_, err = d.Seek(0, io.SeekStart)
	check(err)
	again, err := d.Readdirnames(2)
	check(err)
	fmt.Println(first, again)

	check(os.Chdir("/sub"))
	b, err := fs.ReadFile(os.DirFS("."), "b.txt")
	fmt.Printf("%s %v\n", b, err)
}

func links() {
	to, err := os.Readlink("/in")
	fmt.Println(to, err)
	info, err := os.Lstat("/in")
	check(err)
	fmt.Println(info.Mode().Type())
	b, err := os.ReadFile("/in")
	fmt.Printf("%s %v\n", b, err)

	root, err := os.OpenRoot("/sub")
	check(err)
	b, err = root.ReadFile("b.txt")
	fmt.Printf("%s %v\n", b, err)
	_, err = root.ReadFile("../a.txt")
	fmt.Println(err != nil)
}

func denied() {
	_, create := os.Create("/new")
	_, write := os.OpenFile("/a.txt", os.O_RDWR, 0)
	for _, err := range []error{
		create,
		write,
		os.WriteFile("/a.txt", []byte("x"), 0o600),
		os.Mkdir("/dir", 0o700),
		os.Remove("/a.txt"),
		os.Rename("/a.txt", "/b.txt"),
		os.Symlink("/secret", "/link"),
		os.Link("/a.txt", "/link"),
		os.Truncate("/a.txt", 0),
		os.Chtimes("/a.txt", time.Now(), time.Now()),
	} {
		fmt.Print(errors.Is(err, syscall.EROFS), " ")
	}
	f, err := os.Open("/a.txt")
	check(err)
	_, err = f.Write([]byte("x"))
	fmt.Println(errors.Is(err, syscall.EBADF), errors.Is(f.Truncate(0), syscall.EROFS))
}

func escape() {
	for _, path := range []string{"/../secret", "/out", "/sub/out", "/absolute", "/up/secret", "/etc/passwd"} {
		b, err := os.ReadFile(path)
		fmt.Print(strings.Contains(string(b), "secret"), " ", err != nil, " ")
	}
	fd, err := syscall.Open("/sub", syscall.O_RDONLY|syscall.O_DIRECTORY, 0)
	check(err)
	for _, path := range []string{"../a.txt", "/a.txt", "out"} {
		_, err := syscall.Openat(fd, path, syscall.O_RDONLY, 0)
		fmt.Print(errors.Is(err, syscall.Errno(76)), " ")
	}
	fmt.Println()
}

// timers has goroutines that wait for different times and for each other.
func timers() {
	done := make(chan int)
	for i := range 3 {
		go func() {
			time.Sleep(time.Duration(3-i) * 10 * time.Millisecond)
			done <- i
		}()
	}
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	<-ticker.C
	fmt.Println(<-done, <-done, <-done)
}
