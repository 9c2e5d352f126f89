package host_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/host/clustertest"
)

// A node lives as long as it says so in time, and a killed one is dead for the others when its lease has ended.
func TestADeathIsNoticedWhenTheLeaseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Open(t, host.Config{CacheDir: "off"}, host.Config{CacheDir: "off"})
		wantMembers := func(want int, after time.Duration) {
			t.Helper()
			<-time.After(after) // by the clock of the bubble
			synctest.Wait()
			if n := len(c.Nodes[0].Members()); n != want {
				t.Errorf("node 0 knows %d members, want %d", n, want)
			}
		}
		wantMembers(2, 10*clustertest.Lease)
		c.Kill(1)
		wantMembers(2, clustertest.Lease/2)
		wantMembers(1, clustertest.Lease)
	})
}
