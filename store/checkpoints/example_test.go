package checkpoints_test

import (
	"context"
	"fmt"

	"github.com/raywasm/raywasm/store/checkpoints"
	"github.com/raywasm/raywasm/wal/faults"
)

func Example() {
	s, err := checkpoints.OpenDir(faults.New(), checkpoints.Options{}) // or checkpoints.Open("/var/lib/...", ...)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	at, err := s.Append(ctx, actor(1), call(1, "Add"))
	fmt.Println(at, err)
	fmt.Println(s.Save(ctx, actor(1), []byte("after Add"), at))
	_, err = s.Append(ctx, actor(1), call(2, "Double"))
	fmt.Println(err)
	saved, err := s.Load(actor(1))
	fmt.Printf("%s, then %s %v\n", saved.Checkpoint, saved.Calls[0].Method, err)
	fmt.Println(s.Close())
	// Output:
	// 1 <nil>
	// <nil>
	// <nil>
	// after Add, then Double <nil>
	// <nil>
}
