package wasmbin

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// batch is how many bodies a goroutine takes at once: about 100 microseconds'
// work, which is much more than taking them is.
const batch = 32

// inParallel calls functions made by worker with every index below n. Each is
// called by one goroutine, with indexes in ascending order. All have ended when
// it returns.
func inParallel(n int, worker func() func(i int)) {
	var (
		next atomic.Int64
		wait sync.WaitGroup
	)
	for range min(runtime.GOMAXPROCS(0), (n+batch-1)/batch) {
		work := worker()
		wait.Go(func() {
			for {
				hi := int(next.Add(batch))
				for i := hi - batch; i < min(hi, n); i++ {
					work(i)
				}
				if hi >= n {
					return
				}
			}
		})
	}
	wait.Wait()
}
