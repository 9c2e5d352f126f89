package label_test

import (
	"fmt"

	"github.com/raywasm/raywasm/sched/label"
)

func ExampleParse() {
	node, _ := label.NewSet(map[string]string{label.AvailabilityZone: "eu-1", label.MarketType: "spot"})
	selector, err := label.Parse(map[string]string{label.AvailabilityZone: "in(eu-1,eu-2)", label.MarketType: "!spot"})
	fmt.Println(selector, err, selector.Matches(node))
	_, err = label.Parse(map[string]string{"zone": "in(eu-1"})
	fmt.Println(err)
	// Output:
	// ray.io/availability-zone=in(eu-1,eu-2), ray.io/market-type=!spot <nil> false
	// read a label selector zone: "in(eu-1" has no closing parenthesis: write in(a,b) (InvalidArgument)
}
