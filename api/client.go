package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"

	"github.com/raywasm/raywasm/spec"
)

// Client asks a running node. It is safe for concurrent use.
type Client struct {
	path string
	http http.Client
}

// Find returns a client for each node that runs with its socket in the directory, "" for [Dir]'s. Error: spec.NotFound if there is
// none, which says what to do.
func Find(dir string) ([]*Client, error) {
	dir = cmp.Or(dir, Dir())
	paths, err := sockets(dir)
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, spec.Errorf("look for running nodes", spec.NotFound, dir, "no raywasm node runs here: start one with raywasm submit PROGRAM, or name the directory in which it can be seen (%s)", DirVariable)
	}
	clients := make([]*Client, len(paths))
	for i, path := range paths {
		clients[i] = newClient(path)
	}
	return clients, nil
}

func newClient(path string) *Client {
	c := &Client{path: path}
	c.http.Transport = &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}}
	return c
}

// Node returns what the node is and has.
func (c *Client) Node(ctx context.Context) (Node, error) { return ask[Node](ctx, c, "node") }

// Status returns how the node is.
func (c *Client) Status(ctx context.Context) (Status, error) { return ask[Status](ctx, c, "status") }

// Memory returns what its objects take, and lists at most limit of them.
func (c *Client) Memory(ctx context.Context, limit int) (Memory, error) {
	return ask[Memory](ctx, c, "memory?limit="+strconv.Itoa(limit))
}

// Lists returns at most limit rows of a kind; Row is the form of the kind's rows.
func Lists[Row any](ctx context.Context, c *Client, kind string, limit int) (List[Row], error) {
	return ask[List[Row]](ctx, c, "list/"+kind+"?limit="+strconv.Itoa(limit))
}

// ask gets one answer. An error keeps the kind that the node gave it; spec.RPC says that the node could not be asked.
func ask[Form any](ctx context.Context, c *Client, what string) (form Form, err error) {
	op := "ask the node at " + c.path
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://node/v1/"+what, nil)
	if err != nil {
		return form, err
	}
	answer, err := c.http.Do(r)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return form, &spec.Error{Op: op, Kind: spec.RPC, Err: err}
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, MaxAnswer+1))
	if err == nil && len(body) > MaxAnswer {
		err = errors.New("the answer is too long")
	}
	if err != nil {
		return form, &spec.Error{Op: op, Kind: spec.RPC, Err: err}
	}
	if answer.StatusCode != http.StatusOK {
		var f failure
		if err := json.Unmarshal(body, &f); err != nil || f.Error.Message == "" {
			return form, spec.Errorf(op, spec.RPC, "", "it answered %s", answer.Status)
		}
		return form, spec.Errorf(op, f.Error.Kind, "", "%s", f.Error.Message)
	}
	if err := json.Unmarshal(body, &form); err != nil {
		return form, &spec.Error{Op: op, Kind: spec.RPC, Err: err}
	}
	return form, nil
}
