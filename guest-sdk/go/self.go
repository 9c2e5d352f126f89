package ray

import (
	"time"

	"github.com/raywasm/raywasm/spec"
)

// Info tells a program where it runs. Ids are text to be shown to people.
type Info struct {
	Job       string
	Task      string
	Actor     string // empty outside an actor
	Node      string
	Namespace string
	Name      string // the task's name, see the option [Name]
	Attempt   int    // 0 for the first run of a call
	Resources Resources
	Deadline  time.Time // zero for none
	Module    string    // digest of the module that runs
}

// Resources is an amount of each kind of resource.
type Resources = spec.Resources

// ClusterResources returns what the cluster has.
func ClusterResources() (Resources, error) {
	r, err := resources()
	return r.Total, err
}

// AvailableResources returns what of the cluster nobody holds or has reserved for a placement group. Others take and give back
// meanwhile: it is no promise.
func AvailableResources() (Resources, error) {
	r, err := resources()
	return r.Available, err
}

func resources() (r spec.ClusterResources, err error) {
	err = tell(&r, "tell the cluster's resources", hostResources)
	return r, err
}

// tell reads the form that a function of the host writes.
func tell(form any, op string, from func([]byte) int32) error {
	var status int32
	b, _ := pull(func(p []byte) int32 {
		status = from(p)
		return status
	})
	if err := check(status, op); err != nil {
		return err
	}
	if err := spec.Unmarshal(b, form); err != nil {
		return because(err, op)
	}
	return nil
}

// Self returns where the caller runs. Outside raywasm it is the zero Info.
func Self() Info {
	lock()
	defer mu.Unlock()
	var s spec.Self
	form, ok := pull(hostSelf)
	if !ok || spec.Unmarshal(form, &s) != nil {
		return Info{}
	}
	info := Info{
		Job: s.Job, Task: s.Task, Actor: s.Actor, Node: s.Node, Namespace: s.Namespace, Name: s.Name,
		Attempt: int(s.Attempt), Resources: s.Resources, Module: s.Module,
	}
	if s.Deadline != 0 {
		info.Deadline = time.Unix(0, s.Deadline)
	}
	return info
}
