package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/internal/guesttest"
	"github.com/raywasm/raywasm/spec"
)

// guest builds the guest of the node's own tests once.
var guest = guesttest.Go("../host/testdata/guest")

// short is a new directory whose name is short enough for sockets.
func short(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "rw")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// open opens a node that is seen in dir.
func open(t testing.TB, dir string, cfg host.Config) (*host.Node, *Server) {
	t.Helper()
	node, err := host.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	s, err := Serve(node, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return node, s
}

// only finds the one client.
func only(t testing.TB, dir string) *Client {
	t.Helper()
	all, err := Find(dir)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d nodes, %v", len(all), err)
	}
	return all[0]
}

func mode(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

// TestNodesAreSeenWhileTheyRun, each by its own socket, which nobody else can use.
func TestNodesAreSeenWhileTheyRun(t *testing.T) {
	dir := filepath.Join(short(t), "run")
	if _, err := Find(dir); !errors.Is(err, spec.NotFound) || !strings.Contains(err.Error(), "start one with raywasm submit") {
		t.Errorf("where nothing runs: %v", err)
	}
	node, s := open(t, dir, host.Config{NumCPUs: 2, Labels: map[string]string{"zone": "a"}})
	if d, f := mode(t, dir), mode(t, s.Path()); d != 0o700 || f != 0o600 {
		t.Errorf("the directory has mode %v, the socket %v", d, f)
	}
	got, err := only(t, dir).Node(t.Context())
	if err != nil || got.ID != node.ID().String() || got.PID != os.Getpid() || got.Total["CPU"] != 2 || got.Labels["zone"] != "a" || got.Store.Limit == 0 {
		t.Errorf("%+v, %v", got, err)
	}
	_, other := open(t, dir, host.Config{NumCPUs: 1})
	if all, err := Find(dir); err != nil || len(all) != 2 {
		t.Errorf("%d nodes, %v", len(all), err)
	}
	for _, s := range []*Server{other, s, s} { // twice is fine
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := Find(dir); !errors.Is(err, spec.NotFound) {
		t.Errorf("where nothing runs any more: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestSocketsOfTheDeadAreRemoved and nothing else is.
func TestSocketsOfTheDeadAreRemoved(t *testing.T) {
	dir := short(t)
	_, s := open(t, dir, host.Config{})
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "0123456789abcdef.sock"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	note := filepath.Join(dir, "note.sock")
	if err := os.WriteFile(note, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if c := only(t, dir); c.path != s.Path() {
		t.Errorf("found %s, want %s", c.path, s.Path())
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 2 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestDirectoriesThatOthersCanUseAreRefused, by who serves and by who looks.
func TestDirectoriesThatOthersCanUseAreRefused(t *testing.T) {
	dir := short(t)
	node, _ := open(t, short(t), host.Config{})
	public, file, link := filepath.Join(dir, "public"), filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := errors.Join(os.Mkdir(public, 0o755), os.WriteFile(file, nil, 0o600), os.Symlink(dir, link)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{public, file, link} {
		_, looking := Find(path)
		_, serving := Serve(node, path)
		if !errors.Is(looking, spec.PermissionDenied) || !errors.Is(serving, spec.PermissionDenied) {
			t.Errorf("%s: looking %v, serving %v", path, looking, serving)
		}
	}
	if _, err := Serve(node, filepath.Join(dir, strings.Repeat("long", 30))); !errors.Is(err, spec.InvalidArgument) {
		t.Errorf("a name that is too long: %v", err)
	}
}

// TestDirSaysWhere: the variable goes before the session's directory, and that before the one of temporary files.
func TestDirSaysWhere(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "/run/user/7")
	t.Setenv(DirVariable, "/elsewhere")
	if got := Dir(); got != "/elsewhere" {
		t.Error(got)
	}
	t.Setenv(DirVariable, "")
	if got := Dir(); got != "/run/user/7/raywasm" {
		t.Error(got)
	}
	t.Setenv("XDG_RUNTIME_DIR", "")
	if got, want := Dir(), filepath.Join(os.TempDir(), fmt.Sprintf("raywasm-%d", os.Getuid())); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// until asks until the answer is as wanted.
func until[Form any](t *testing.T, ask func() (Form, error), is func(Form) bool) (form Form) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; runtime.Gosched() {
		form, err := ask()
		if err != nil {
			t.Fatal(err)
		}
		if is(form) {
			return form
		}
		if time.Now().After(end) {
			t.Fatalf("it never was as wanted: %+v", form)
		}
	}
}

// list asks for the rows of a kind.
func list[Row any](t *testing.T, c *Client, kind string, limit int) List[Row] {
	t.Helper()
	l, err := Lists[Row](t.Context(), c, kind, limit)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestWhatANodeTells of a job with one of everything: every list has what is there.
func TestWhatANodeTells(t *testing.T) {
	dir := short(t)
	node, _ := open(t, dir, host.Config{NumCPUs: 2, CacheDir: filepath.Join(os.TempDir(), "raywasm-host-test-cache"), ObjectStoreMemory: 64 * spec.MiB})
	wasm, err := guest()
	if err != nil {
		t.Fatal(err)
	}
	module, err := node.Load(t.Context(), wasm)
	if err != nil {
		t.Fatal(err)
	}
	j, err := node.NewJob(t.Context(), host.JobConfig{Module: module, Namespace: "town"})
	if err != nil {
		t.Fatal(err)
	}
	submit := func(function string, opts spec.TaskOptions, args ...any) *host.Ref {
		t.Helper()
		refs, err := j.Submit(t.Context(), function, opts, args...)
		if err != nil {
			t.Fatal(err)
		}
		return refs[0]
	}
	bundle := func(cpus spec.Quantity) spec.Bundle { return spec.Bundle{Resources: spec.Resources{CPU: cpus}} }
	placed, err := j.CreateGroup(t.Context(), spec.GroupOptions{Name: "placed", Bundles: []spec.Bundle{bundle(spec.Unit)}, Lifetime: spec.LifetimeDetached})
	if err != nil {
		t.Fatal(err)
	}
	if err := placed.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := j.CreateGroup(t.Context(), spec.GroupOptions{Bundles: []spec.Bundle{bundle(2 * spec.Unit)}, Strategy: spec.StrictPack}); err != nil {
		t.Fatal(err)
	}
	spins := submit("spin", spec.TaskOptions{Placement: placed.Placement(0, false)}, true)
	also := submit("spin", spec.TaskOptions{}, true)
	large, err := j.Put(t.Context(), make([]byte, spec.MiB))
	if err != nil {
		t.Fatal(err)
	}
	waits := submit("length", spec.TaskOptions{}, large)
	behind := submit("add", spec.TaskOptions{}, waits, 1)
	actor, err := j.NewActor(t.Context(), "Counter", spec.ActorOptions{Name: "clerk", Placement: placed.Placement(0, false)}, 0)
	if err != nil {
		t.Fatal(err)
	}

	c := only(t, dir)
	id := node.ID().String()
	status := until(t, func() (Status, error) { return c.Status(t.Context()) }, func(s Status) bool { return len(s.Pending) == 3 && s.Jobs[0].Stats.Running == 2 })
	reasons := map[string]int{}
	for _, p := range status.Pending {
		reasons[p.Reason] += p.Count
		if p.Need.String() != "{CPU: 1}" || p.Reason == "resources" && p.Lacks["CPU"] != 1 || p.Text == "" {
			t.Errorf("waits: %+v", p)
		}
	}
	if reasons["resources"] != 2 || reasons["arguments"] != 1 || status.Node != id || len(status.Jobs) != 1 || status.Jobs[0].Namespace != "town" || status.Jobs[0].Stats.Running != 2 {
		t.Errorf("status: %+v", status)
	}
	text := status.Autoscaler.String()
	for _, want := range []string{"2.0/2.0 CPU (1.0 used of 1.0 reserved in placement groups)", "{'CPU': 2.0} * 1 (STRICT_PACK): 1+ pending placement groups", "{'CPU': 1.0}: 3+ pending tasks/actors"} {
		if !strings.Contains(text, want) {
			t.Errorf("the block lacks %q:\n%s", want, text)
		}
	}

	tasks := until(t, func() (List[Task], error) { return Lists[Task](t.Context(), c, "tasks", 10) }, func(l List[Task]) bool {
		running := 0
		for _, r := range l.Rows {
			if r.State == "RUNNING" {
				running++
			}
		}
		return running == 2 // they have been granted, and are about to
	})
	states := map[string]string{}
	for _, r := range tasks.Rows {
		states[r.ID] = r.State
		if r.Node != id || r.Job != j.ID().String() || r.Text == "" || r.Function == "" {
			t.Errorf("task %+v", r)
		}
	}
	for ref, want := range map[*host.Ref]string{spins: "RUNNING", also: "RUNNING", waits: "PENDING_NODE_ASSIGNMENT", behind: "PENDING_ARGS_AVAIL"} {
		if got := states[ref.ID().Task().String()]; got != want {
			t.Errorf("a task is %q, want %q", got, want)
		}
	}
	if few := list[Task](t, c, "tasks", 1); len(few.Rows) != 1 || few.More != 3 || tasks.More != 0 {
		t.Errorf("one task of four: %+v", few)
	}

	actors := list[Actor](t, c, "actors", 10).Rows
	if len(actors) != 1 || actors[0].ID != actor.ID().String() || actors[0].Class != "Counter" || actors[0].State != "PENDING_CREATION" || actors[0].Name != "clerk" ||
		actors[0].Namespace != "town" || actors[0].Group != placed.ID().String() || !strings.HasSuffix(actors[0].Text, "(resources)") {
		t.Errorf("actors: %+v", actors)
	}

	groups := list[Group](t, c, "placement-groups", 10).Rows
	if len(groups) != 2 || groups[1].ID != placed.ID().String() || groups[1].State != "CREATED" || !groups[1].Detached || groups[1].Strategy != "PACK" || groups[1].Bundles[0].Node != id ||
		groups[1].Bundles[0].Need["CPU"] != 1 || groups[0].State != "PENDING" || groups[0].Why != "resources" || groups[0].Text == "" || groups[0].Bundles[0].Node != "" {
		t.Errorf("groups: %+v", groups)
	}

	memory, err := c.Memory(t.Context(), 1)
	if err != nil || len(memory.Objects) != 1 || memory.More != 4 || memory.Totals.Objects != 5 || memory.Totals.Pending != 4 || memory.Totals.Bytes < spec.MiB {
		t.Errorf("memory: %+v, %v", memory, err)
	}
	objects := list[Object](t, c, "objects", 10).Rows
	if len(objects) != 5 || objects[0].ID != large.ID().String() || objects[0].Site() != "driver: put" || objects[0].Reference != "USED_BY_PENDING_TASK" || objects[0].Place != "memory" ||
		len(objects[0].Pins) != 1 || objects[0].Pins[0].Name != "length" || objects[0].Handles != 1 {
		t.Errorf("objects: %+v", objects)
	}
	if nodes := list[Node](t, c, "nodes", 10).Rows; len(nodes) != 1 || nodes[0].ID != id || nodes[0].Waiting == 0 {
		t.Errorf("nodes: %+v", nodes)
	}

	for _, r := range []*host.Ref{spins, also} {
		if err := r.Cancel(t.Context(), true, false); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := host.CallMethod[int](t.Context(), actor, "Inc", 3); err != nil || n != 3 {
		t.Errorf("%d, %v", n, err)
	}
	if alive := list[Actor](t, c, "actors", 10).Rows; len(alive) != 1 || alive[0].State != "ALIVE" || alive[0].Text != "" {
		t.Errorf("actors: %+v", alive)
	}
	if n, err := host.Get[int](t.Context(), behind); err != nil || n != spec.MiB+1 {
		t.Errorf("%d, %v", n, err)
	}
	if err := placed.Remove(t.Context()); err != nil {
		t.Error(err)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	jobs := list[Job](t, c, "jobs", 10).Rows
	if len(jobs) != 1 || jobs[0].Status != "SUCCEEDED" || jobs[0].End == nil || jobs[0].End.Before(jobs[0].Start) || jobs[0].Module != module.Digest().String() {
		t.Errorf("jobs: %+v", jobs)
	}
	if s, err := c.Status(t.Context()); err != nil || len(s.Jobs) != 0 || len(s.Pending) != 0 {
		t.Errorf("afterwards: %+v, %v", s, err)
	}
}

// TestWhatIsAskedBadlyIsRefused with a kind and a text, and the server goes on.
func TestWhatIsAskedBadlyIsRefused(t *testing.T) {
	dir := short(t)
	_, s := open(t, dir, host.Config{})
	for _, test := range []struct {
		method, target string
		status         int
		kind           spec.Kind
	}{
		{"GET", "/v1/list/secrets", http.StatusNotFound, spec.NotFound},
		{"GET", "/v1/list/tasks?limit=x", http.StatusBadRequest, spec.InvalidArgument},
		{"GET", "/v1/list/tasks?limit=-1", http.StatusBadRequest, spec.InvalidArgument},
		{"GET", "/v1/memory?limit=10001", http.StatusBadRequest, spec.InvalidArgument},
		{"GET", "/v2/status", http.StatusNotFound, spec.NotFound},
		{"POST", "/v1/status", http.StatusNotFound, spec.NotFound},
		{"DELETE", "/v1/list/jobs", http.StatusNotFound, spec.NotFound},
	} {
		w := httptest.NewRecorder()
		s.http.Handler.ServeHTTP(w, httptest.NewRequest(test.method, test.target, nil))
		var f failure
		if err := json.Unmarshal(w.Body.Bytes(), &f); err != nil || w.Code != test.status || f.Error.Kind != test.kind || f.Error.Message == "" {
			t.Errorf("%s %s: %d %s", test.method, test.target, w.Code, w.Body)
		}
	}
	for _, said := range []string{"nonsense\r\n\r\n", "GET /v1/node HTTP/1.1\r\nHost: n\r\nX: " + strings.Repeat("x", 4*maxHead) + "\r\n\r\n"} {
		conn, err := net.Dial("unix", s.Path())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, said); err != nil {
			t.Error(err)
		}
		answer, err := io.ReadAll(conn) // until it hangs up
		if err != nil && len(answer) == 0 || !strings.HasPrefix(string(answer), "HTTP/1.1 4") {
			t.Errorf("%.20q was answered %.60q, %v", said, answer, err)
		}
		conn.Close()
	}
	c := only(t, dir)
	if _, err := Lists[Task](t.Context(), c, "secrets", 1); !errors.Is(err, spec.NotFound) {
		t.Errorf("an error lost its kind: %v", err)
	}
	s.most = 10
	if _, err := c.Node(t.Context()); !errors.Is(err, spec.LimitExceeded) {
		t.Errorf("an answer that is too long: %v", err)
	}
	s.most = MaxAnswer
	if _, err := c.Node(t.Context()); err != nil {
		t.Error(err)
	}
}

// FuzzRequests: whatever is asked, the answer is JSON, and it is the answer or a failure with a kind.
func FuzzRequests(f *testing.F) {
	node, err := host.Open(f.Context(), host.Config{NumCPUs: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { node.Close() })
	s, err := Serve(node, short(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	f.Add("GET", "status", "")
	f.Add("GET", "list/jobs", "limit=3")
	f.Add("PUT", "list/../memory", "limit=99999999999999999999")
	f.Fuzz(func(t *testing.T, method, path, query string) {
		r := httptest.NewRequest(http.MethodGet, "/v1/", nil)
		r.Method, r.URL.Path, r.URL.RawQuery = method, "/v1/"+path, query
		w := httptest.NewRecorder()
		s.http.Handler.ServeHTTP(w, r)
		switch {
		case w.Code/100 == 3: // to the same path, cleaned
		case w.Code == http.StatusOK:
			if !json.Valid(w.Body.Bytes()) {
				t.Errorf("answered %q", w.Body)
			}
		default:
			var failed failure
			if err := json.Unmarshal(w.Body.Bytes(), &failed); err != nil || failed.Error.Message == "" {
				t.Errorf("refused with %d %q", w.Code, w.Body)
			}
		}
	})
}
