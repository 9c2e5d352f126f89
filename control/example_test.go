package control_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/raywasm/raywasm/control"
	"github.com/raywasm/raywasm/control/local"
	"github.com/raywasm/raywasm/spec"
)

// A leader's decisions are refused once its term is over.
func ExampleCampaign() {
	ctx := context.Background()
	s, err := local.Open(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	lease, err := s.Grant(ctx, time.Minute)
	if err != nil {
		fmt.Println(err)
		return
	}
	term, err := control.Campaign(ctx, s, "scheduler", []byte("node 1"), lease.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	decide := control.Txn{Term: term, Put: []control.Put{{Key: "group/7", Value: []byte("node 3")}}}
	_, err = s.Commit(ctx, decide)
	fmt.Println(err)
	fmt.Println(control.Resign(ctx, s, term))
	_, err = s.Commit(ctx, decide)
	fmt.Println(errors.Is(err, spec.StaleEpoch))
	// Output:
	// <nil>
	// <nil>
	// true
}
