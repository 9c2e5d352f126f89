package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/raywasm/raywasm/host"
	"github.com/raywasm/raywasm/spec"
)

// Limits of the API.
const (
	// MaxAnswer bounds an answer, in bytes.
	MaxAnswer = 64 * spec.MiB
	// maxAtOnce bounds the requests that are answered at the same time.
	maxAtOnce = 4
	// maxHead bounds the head of a request, in bytes.
	maxHead = 8 * spec.KiB
	// patience bounds the reading of a request and the writing of an answer.
	patience = 30 * time.Second
)

// Server answers for a node.
type Server struct {
	node  *host.Node
	id    string
	pid   int
	since time.Time
	turns chan struct{} // has room for the requests that are answered at once
	most  int           // bytes of an answer
	http  http.Server
	path  string
	done  sync.WaitGroup
	err   error // of serving

	closing sync.Once
	closed  error
}

// Serve lets the node be seen in the directory, "" for [Dir]'s. Close ends it, before the node is closed. Errors:
// spec.PermissionDenied for a directory that is not the user's alone, spec.InvalidArgument for one whose name is too long.
func Serve(node *host.Node, dir string) (*Server, error) {
	s := &Server{node: node, id: node.ID().String(), pid: os.Getpid(), since: time.Now(), turns: make(chan struct{}, maxAtOnce), most: MaxAnswer}
	l, path, err := listen(cmp.Or(dir, Dir()), s.id)
	if err != nil {
		return nil, err
	}
	s.path = path
	s.http = http.Server{Handler: s.handler(), ReadTimeout: patience, WriteTimeout: patience, IdleTimeout: patience, MaxHeaderBytes: maxHead}
	s.done.Go(func() { s.err = s.http.Serve(l) })
	return s, nil
}

// Path returns where the socket is.
func (s *Server) Path() string { return s.path }

// Close stops to answer, waits for who is being answered and removes the socket. Closing twice is fine.
func (s *Server) Close() error {
	s.closing.Do(func() {
		gone := os.Remove(s.path)
		if errors.Is(gone, os.ErrNotExist) { // somebody has tidied up
			gone = nil
		}
		err := s.http.Close()
		s.done.Wait()
		for range maxAtOnce { // and nobody gets a turn any more
			s.turns <- struct{}{}
		}
		if !errors.Is(s.err, http.ErrServerClosed) {
			err = errors.Join(err, s.err)
		}
		s.closed = errors.Join(gone, err)
	})
	return s.closed
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/node", s.answer(func(context.Context, *http.Request, int) (any, error) { return s.nodeForm(), nil }))
	mux.HandleFunc("GET /v1/status", s.answer(func(context.Context, *http.Request, int) (any, error) { return s.statusForm(), nil }))
	mux.HandleFunc("GET /v1/memory", s.answer(func(_ context.Context, _ *http.Request, limit int) (any, error) { return s.memoryForm(limit), nil }))
	mux.HandleFunc("GET /v1/list/{kind}", s.answer(func(ctx context.Context, r *http.Request, limit int) (any, error) {
		list := lists[r.PathValue("kind")]
		if list == nil {
			return nil, spec.Errorf("list", spec.NotFound, strconv.Quote(r.PathValue("kind")), "there is no such kind")
		}
		return list(s, ctx, limit)
	}))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, spec.Errorf("answer", spec.NotFound, r.Method+" "+r.URL.Path, "this node answers GET /v1/node, status, memory and list/KIND"))
	})
	return mux
}

// answer makes a handler of what finds the answer.
func (s *Server) answer(find func(ctx context.Context, r *http.Request, limit int) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case s.turns <- struct{}{}:
			defer func() { <-s.turns }()
		case <-r.Context().Done():
			return
		}
		limit, err := limitOf(r)
		var form any
		if err == nil {
			form, err = find(r.Context(), r, limit)
		}
		var body []byte
		if err == nil {
			body, err = json.Marshal(form)
		}
		if err == nil && len(body) > s.most {
			err = spec.Errorf("answer", spec.LimitExceeded, r.URL.Path, "the answer has %d bytes, at most %d: ask for less with limit", len(body), s.most)
		}
		if err != nil {
			refuse(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body) // who has gone does not want it
	}
}

// limitOf reads how much is wanted.
func limitOf(r *http.Request) (int, error) {
	text := r.URL.Query().Get("limit")
	if text == "" {
		return shownRows, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > maxRows {
		return 0, spec.Errorf("answer", spec.InvalidArgument, "limit "+strconv.Quote(text), "want a number between 0 and %d", maxRows)
	}
	return n, nil
}

// failure is the form of an error.
type failure struct {
	Error struct {
		Kind    spec.Kind `json:"kind"`
		Message string    `json:"message"`
	} `json:"error"`
}

// statuses are those of HTTP for some kinds of errors; the others are the server's fault.
var statuses = map[spec.Kind]int{spec.NotFound: http.StatusNotFound, spec.InvalidArgument: http.StatusBadRequest, spec.LimitExceeded: http.StatusRequestEntityTooLarge}

func refuse(w http.ResponseWriter, err error) {
	var f failure
	f.Error.Kind, f.Error.Message = spec.KindOf(err), err.Error()
	body, _ := json.Marshal(f) // texts can always be encoded
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(cmp.Or(statuses[f.Error.Kind], http.StatusInternalServerError))
	_, _ = w.Write(body)
}
