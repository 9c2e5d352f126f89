package host

import (
	"context"

	"github.com/raywasm/raywasm/spec"
)

// What a durable actor refers to between its calls is kept beside its state, so that the refs that it holds mean the same on
// the next node of its data directory: the values of the objects, with those contained in them, up to a bound, and the ids of
// actors, which have to be durable themselves. What cannot be kept is an error that names it.

// keptValue is a value on disk.
type keptValue struct {
	Data  []byte      `cbor:"1,keyasint"`
	Links []spec.Link `cbor:"2,keyasint,omitempty"`
}

func kept(v spec.Value) keptValue { return keptValue{v.Data, v.Links} }

func (k keptValue) value() spec.Value { return spec.Value{Data: k.Data, Links: k.Links} }

// keptObject is an object on disk.
type keptObject struct {
	ID    spec.ObjectID `cbor:"1,keyasint"`
	Value keptValue     `cbor:"2,keyasint"`
}

// keeping collects the objects that an actor refers to, each after those that it contains.
type keeping struct {
	node    *Node
	seen    map[spec.ObjectID]bool
	objects []keptObject
	bytes   int64
}

// refer keeps what links refer to. Errors: spec.Unsupported, with the ref and why it cannot be kept.
func (k *keeping) refer(links []spec.Link) error {
	for _, l := range links {
		var err error
		if l.IsActor {
			err = k.actor(l.Actor)
		} else if !k.seen[l.Object] {
			k.seen[l.Object] = true
			err = k.object(l.Object)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// actor checks that an actor will be there. One that has died is dead there, too.
func (k *keeping) actor(id spec.ActorID) error {
	k.node.mu.Lock()
	a := k.node.actors[id]
	k.node.mu.Unlock()
	if a == nil || a.lasts() {
		return nil
	}
	return spec.Errorf("keep what it refers to", spec.Unsupported, "actor "+a.label(), "it ends with the node: detach it, or release its handle")
}

func (k *keeping) object(id spec.ObjectID) error {
	label := "object " + id.String() + " (" + k.node.objects.madeAt(id) + ")"
	refuse := func(format string, args ...any) error {
		return spec.Errorf("keep what it refers to", spec.Unsupported, label, format, args...)
	}
	v, ready, err := k.node.objects.value(context.Background(), id)
	switch {
	case err != nil:
		return &spec.Error{Op: "keep what it refers to", Kind: spec.Unsupported, ID: label, Err: err}
	case !ready:
		return refuse("it is not there yet: get it before the call ends, or release the ref")
	}
	k.bytes += valueBytes(v)
	if k.bytes > spec.MaxKeptBytes || len(k.seen) > spec.MaxKeptObjects {
		return refuse("with its %s there are %s in %d objects, and beside an actor's state %s in %d objects are kept: keep the value itself, or release refs",
			spec.FormatBytes(int64(len(v.Data))), spec.FormatBytes(k.bytes), len(k.seen), spec.FormatBytes(spec.MaxKeptBytes), spec.MaxKeptObjects)
	}
	if err := k.refer(v.Links); err != nil {
		return err
	}
	k.objects = append(k.objects, keptObject{id, kept(v)})
	return nil
}

// lasts reports whether the actor is in the node's data directory.
func (a *actor) lasts() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.durable
}

// madeAt says where an object was made.
func (o *objects) madeAt(id spec.ObjectID) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if entry := o.refs.Object(id); entry != nil {
		return entry.site.String()
	}
	return "nobody"
}

// bringBack makes the objects again that were kept. It returns a link to each, counted for the caller.
func (j *Job) bringBack(ctx context.Context, objects []keptObject) (held []spec.Link, err error) {
	o := j.node.objects
	for _, k := range objects {
		l := spec.ObjectLink(k.ID)
		if !o.tryRetain(l) { // unless it was kept for another actor, too
			if err := o.put(ctx, j.memory, k.ID, k.Value.value(), Site{Function: "a node before this one"}); err != nil {
				o.release(held)
				return nil, err
			}
		}
		held = append(held, l)
	}
	return held, nil
}
