package owner_test

import (
	"fmt"

	"github.com/raywasm/raywasm/owner"
	"github.com/raywasm/raywasm/spec"
)

// A crash is retried as often as the policy says; an error that the function returned is its result.
func ExampleRetryPolicy_Retry() {
	p := owner.RetryPolicy{MaxRetries: 1}
	fmt.Println(p.Retry(0, spec.GuestExit), p.Retry(1, spec.GuestExit), p.Retry(0, spec.TaskError))
	// Output: true false false
}
