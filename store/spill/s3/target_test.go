package s3_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"go.uber.org/zap/zaptest"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store"
	"github.com/raywasm/raywasm/store/local"
	"github.com/raywasm/raywasm/store/spill"
	"github.com/raywasm/raywasm/store/spill/s3"
	"github.com/raywasm/raywasm/store/storetest"
)

// service is an S3 service in this process with a bucket "spilled", and its configuration. What refuse says it answers with
// an error.
func service(t *testing.T) (cfg s3.Config, backend *s3mem.Backend, refuse *atomic.Pointer[func() bool]) {
	t.Helper()
	backend, refuse = s3mem.New(), new(atomic.Pointer[func() bool])
	if err := backend.CreateBucket("spilled"); err != nil {
		t.Fatal(err)
	}
	handler := gofakes3.New(backend).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refuses := refuse.Load(); refuses != nil && (*refuses)() {
			http.Error(w, "broken", http.StatusForbidden)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return s3.Config{Endpoint: server.URL, Bucket: "spilled", Prefix: "node-1", Region: "us-east-1", Credentials: credentials.NewStaticV4("key", "secret", "")}, backend, refuse
}

var always = func() bool { return true }

func open(t *testing.T, cfg s3.Config) spill.Target {
	t.Helper()
	target, err := s3.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// files returns how many objects the bucket has.
func files(t *testing.T, backend *s3mem.Backend) int {
	t.Helper()
	list, err := backend.ListBucket("spilled", nil, gofakes3.ListBucketPage{})
	if err != nil {
		t.Fatal(err)
	}
	return len(list.Contents)
}

// spilling returns a store that spills to a bucket.
func spilling(t *testing.T, cfg s3.Config, grace time.Duration) store.Store {
	t.Helper()
	s, err := local.Open(local.Config{
		Limit: storetest.Limit, MinSpill: spec.MiB / 2, Grace: grace, Pause: time.Millisecond,
		Disk: spill.NewDisk(zaptest.NewLogger(t), 0, open(t, cfg)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestAStoreThatSpillsToABucket(t *testing.T) {
	storetest.Run(t, storetest.Suite{Spills: true, Open: func(t *testing.T) store.Store {
		cfg, _, _ := service(t)
		return spilling(t, cfg, 20*time.Millisecond)
	}})
}

func TestAServiceThatFailsAtAnyStep(t *testing.T) {
	storetest.FailAtAnyStep(t, func(t *testing.T, step func() error) store.Store {
		cfg, _, refuse := service(t)
		s := spilling(t, cfg, time.Minute)
		fails := func() bool { return step() != nil }
		refuse.Store(&fails)
		t.Cleanup(func() { refuse.Store(nil) }) // before the store is closed
		return s
	})
}

// TestWhatAnEarlierProcessLeftIsRemoved, and what is another node's is not.
func TestWhatAnEarlierProcessLeftIsRemoved(t *testing.T) {
	cfg, backend, _ := service(t)
	other := cfg
	other.Prefix = "node-10"
	for _, c := range []s3.Config{cfg, other} {
		if err := open(t, c).Write(t.Context(), "00000001", strings.NewReader("left"), 4); err != nil {
			t.Fatal(err)
		}
	}
	target := open(t, cfg)
	if n := files(t, backend); n != 1 {
		t.Errorf("%d files are there", n)
	}
	if err := target.Write(t.Context(), "00000001", strings.NewReader("more"), 4); err != nil {
		t.Fatal(err)
	}
	if err := target.Close(); err != nil {
		t.Fatal(err)
	}
	if n := files(t, backend); n != 1 {
		t.Errorf("%d files are there after Close", n)
	}
}

func TestWhatIsNotThereIsLost(t *testing.T) {
	cfg, backend, refuse := service(t)
	d := spill.NewDisk(zaptest.NewLogger(t), 0, open(t, cfg))
	defer d.Close()
	object := spill.Object{ID: storetest.Object(1), Bytes: storetest.Bytes(1, 1000)}
	if err := d.Spill(t.Context(), []spill.Object{object}); err != nil {
		t.Fatal(err)
	}
	to := make([]byte, 1000)
	if err := d.Restore(t.Context(), object.ID, to); err != nil || string(to) != string(object.Bytes) {
		t.Fatalf("it reads differently: %v", err)
	}
	refuse.Store(&always)
	if err := d.Restore(t.Context(), object.ID, to); !errors.Is(err, spec.System) || errors.Is(err, spec.ObjectLost) {
		t.Errorf("a service that refuses: %v", err)
	}
	if err := d.Spill(t.Context(), []spill.Object{{ID: storetest.Object(2), Bytes: []byte("x")}}); !errors.Is(err, spec.System) {
		t.Errorf("a service that refuses: %v", err)
	}
	refuse.Store(nil)
	put := func(text string) {
		if _, err := backend.PutObject("spilled", "node-1/00000001", map[string]string{}, strings.NewReader(text), int64(len(text)), nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range []string{"", "short", strings.Repeat("x", 1063), strings.Repeat("x", 1064)} {
		put(text)
		if err := d.Restore(t.Context(), object.ID, to); !errors.Is(err, spec.ObjectLost) {
			t.Errorf("a file of %d other bytes: %v", len(text), err)
		}
	}
	if _, err := backend.DeleteObject("spilled", "node-1/00000001"); err != nil {
		t.Fatal(err)
	}
	if err := d.Restore(t.Context(), object.ID, to); !errors.Is(err, spec.ObjectLost) {
		t.Errorf("a file that is gone: %v", err)
	}
	d.Forget(object.ID)
	for d.Bytes() > 0 {
		runtime.Gosched()
	}
}

func TestABucketThatCannotBe(t *testing.T) {
	good, _, refuse := service(t)
	for name, change := range map[string]func(*s3.Config){
		"no endpoint": func(c *s3.Config) { c.Endpoint = "" },
		"no scheme":   func(c *s3.Config) { c.Endpoint = "localhost:9000" },
		"no bucket":   func(c *s3.Config) { c.Bucket = "" },
		"no prefix":   func(c *s3.Config) { c.Prefix = "" },
	} {
		c := good
		change(&c)
		if _, err := s3.Open(t.Context(), c); !errors.Is(err, spec.InvalidArgument) {
			t.Errorf("%s: %v", name, err)
		}
	}
	refuse.Store(&always)
	if _, err := s3.Open(t.Context(), good); !errors.Is(err, spec.RuntimeEnvSetup) {
		t.Errorf("a service that refuses: %v", err)
	}
}
