// Serialize passes values that hold what cannot travel, a pool of goroutines: examples 5-5 and 5-6 of "Scaling Python with
// Ray". What travels is what it takes to make such a pool again.
package main

import (
	"fmt"
	"os"

	"github.com/fxamacker/cbor/v2"

	"github.com/raywasm/raywasm/examples/serialize/workers"
	ray "github.com/raywasm/raywasm/guest-sdk/go"
)

// Bad cannot travel: the pool's channel is of one program only.
type Bad struct {
	Friends []string
	Jobs    chan func()
}

// Team is example 5-5: a type of our own says itself how it travels.
type Team struct {
	Friends []string
	pool    *workers.Pool
}

// form is what travels of a Team.
type form struct {
	Friends []string
	Threads int
}

// MarshalCBOR writes what a Team can be made of.
func (t Team) MarshalCBOR() ([]byte, error) {
	f := form{Friends: t.Friends}
	if t.pool != nil {
		f.Threads = t.pool.Size()
	}
	return cbor.Marshal(f)
}

// UnmarshalCBOR makes a Team with a pool of the same size.
func (t *Team) UnmarshalCBOR(b []byte) error {
	var f form
	if err := cbor.Unmarshal(b, &f); err != nil {
		return err
	}
	t.Friends, t.pool = f.Friends, workers.New(f.Threads)
	return nil
}

// Club is example 5-6: it holds a type that is not ours, for which we register how it travels.
type Club struct {
	Friends []string
	Pool    *workers.Pool
}

var _ = ray.RegisterSerializer(
	func(p *workers.Pool) (int, error) {
		if p == nil {
			return 0, nil
		}
		return p.Size(), nil
	},
	func(size int) (*workers.Pool, error) { return workers.New(size), nil })

// greet lets a pool greet everybody.
func greet(p *workers.Pool, friends []string) (text string) {
	for _, name := range friends {
		p.Do(func() { text += "hello " + name + ", " })
	}
	return fmt.Sprintf("%sfrom a pool of %d", text, p.Size())
}

func greetTeam(t Team) (string, error) { return greet(t.pool, t.Friends), nil }
func greetClub(c Club) (string, error) { return greet(c.Pool, c.Friends), nil }

var (
	team = ray.Remote1(greetTeam)
	club = ray.Remote1(greetClub)
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "serialize:", err)
		os.Exit(1)
	}
}

func run() error {
	friends := []string{"boo", "boris"}
	bad := Bad{friends, make(chan func())}
	if _, err := ray.Put(bad); err != nil {
		fmt.Println("5-5, as it fails:", err)
	}
	fmt.Print(ray.InspectSerializability(bad))

	text, err := team.Remote(Team{friends, workers.New(5)}).Get()
	if err != nil {
		return err
	}
	fmt.Println("5-5:", text)

	ref, err := ray.Put(Club{friends, workers.New(5)})
	if err != nil {
		return err
	}
	back, err := ref.Get()
	if err != nil {
		return err
	}
	fmt.Println("5-6, put and got:", greet(back.Pool, back.Friends))
	text, err = club.RemoteRefs(ref).Get()
	if err != nil {
		return err
	}
	fmt.Println("5-6:", text)
	return nil
}
