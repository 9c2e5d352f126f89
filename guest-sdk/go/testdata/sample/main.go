// The sample has one of everything that the SDK offers; guest_test.go builds it and plays the host.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	ray "github.com/raywasm/raywasm/guest-sdk/go"
)

type Point struct {
	X, Y int
	Tags []string
}

func add(a, b int) (int, error) { return a + b, nil }

func countWords(text string) (map[string]int, error) {
	counts := make(map[string]int)
	for _, word := range strings.Fields(text) {
		counts[word]++
	}
	return counts, nil
}

func move(p Point, by float64) (Point, error) { return Point{p.X + int(by), p.Y, p.Tags}, nil }

func explode(where string) (int, error) {
	var m map[string]int
	if where == "here" {
		m["x"] = 1
	}
	return 0, fmt.Errorf("exploding %s: %w", where, errors.New("boom"))
}

type Counter struct{ n int }

func NewCounter(start int) (*Counter, error) { return &Counter{start}, nil }

func (c *Counter) Inc(by int) (int, error) {
	c.n += by
	return c.n, nil
}

var (
	sum      = ray.Remote2(add)
	_        = ray.Remote1(countWords, ray.CPUs(0.5), ray.Retries(5))
	_        = ray.Remote2(move)
	_        = ray.Remote1(explode)
	counters = ray.Actor1(NewCounter, ray.MaxRestarts(1))
	inc      = ray.Method1((*Counter).Inc)
)

func main() {
	switch mode := os.Getenv("MODE"); mode {
	case "panic":
		panic("at the disco")
	case "exit":
		os.Exit(7)
	}
	three, err := sum.Remote(1, 2).Get()
	fmt.Println("1 + 2 =", three, err)
	c := counters.Remote(10)
	n, err := inc.Remote(c, 5).Get()
	fmt.Println("10 + 5 =", n, err)
}
