package host

import (
	"errors"

	"github.com/raywasm/raywasm/spec"
)

// A Go program's refs and handles may stand anywhere in its values. linking is one value on its way in or out: the list of
// its links, which the codec's functions for *Ref and *Actor fill or read.
type linking struct {
	job   *Job
	links []spec.Link
}

var (
	errForeign = errors.New("the ref or handle is nil, or of another node")
	errAlone   = errors.New("a ref or handle travels only in a job's arguments, objects and results")
)

func init() {
	spec.RegisterLink(spec.TagRef,
		func(c any, r *Ref) (uint64, error) { return link(c, r.job, spec.ObjectLink(r.id)) },
		func(c any, at uint64) (*Ref, error) {
			l, ls, err := linkAt(c, at, false)
			if err != nil {
				return nil, err
			}
			return ls.job.newRef(l.Object), nil
		})
	spec.RegisterLink(spec.TagActor,
		func(c any, a *Actor) (uint64, error) { return link(c, a.job, spec.ActorLink(a.id)) },
		func(c any, at uint64) (*Actor, error) {
			l, ls, err := linkAt(c, at, true)
			if err != nil {
				return nil, err
			}
			return ls.job.newHandle(l.Actor), nil
		})
}

// link notes a link and returns its position.
func link(c any, of *Job, l spec.Link) (uint64, error) {
	ls, ok := c.(*linking)
	switch {
	case !ok:
		return 0, errAlone
	case of == nil || of.node != ls.job.node:
		return 0, errForeign
	case len(ls.links) == spec.MaxLinks:
		return 0, spec.Errorf("", spec.LimitExceeded, "", "a value with more than %d refs (MaxLinks)", spec.MaxLinks)
	}
	ls.links = append(ls.links, l)
	return uint64(len(ls.links) - 1), nil
}

// linkAt returns the link at a position, counted once for whoever asked.
func linkAt(c any, at uint64, actor bool) (spec.Link, *linking, error) {
	ls, ok := c.(*linking)
	switch {
	case !ok:
		return spec.Link{}, nil, errAlone
	case at >= uint64(len(ls.links)) || ls.links[at].IsActor != actor:
		return spec.Link{}, nil, errors.New("a ref points outside the value's list of refs")
	}
	ls.job.driver.Retain(ls.links[at : at+1])
	return ls.links[at], ls, nil
}

// write encodes what a Go program gave.
func (j *Job) write(v any) (*spec.Writer, spec.Form, []spec.Link, error) {
	ls := &linking{job: j}
	w, form, err := spec.WriteWith(ls, v)
	return w, form, ls.links, err
}

// serialize makes a value of what a Go program gave.
func (j *Job) serialize(v any) (spec.Value, error) {
	w, form, links, err := j.write(v)
	if err != nil {
		return spec.Value{}, err
	}
	return spec.Value{Data: w.Joined(form), Links: links}, nil
}

// view is deserialize for a value that may keep the bytes, which nobody changes then.
func (j *Job) view(value spec.Value, v any) error {
	return spec.ViewWith(&linking{j, value.Links}, value.Data, v)
}

// deserialize decodes a value, which stays counted meanwhile, into v.
func (j *Job) deserialize(value spec.Value, v any) error {
	return spec.UnmarshalWith(&linking{j, value.Links}, value.Data, v)
}
