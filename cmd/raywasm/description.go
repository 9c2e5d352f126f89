package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/raywasm/raywasm/spec"
)

// function is a function or method as inspect prints it.
type function struct {
	Name    string         `json:"name"`
	Params  []string       `json:"params"`
	Result  string         `json:"result,omitempty"`
	Options map[string]any `json:"options,omitempty"`
}

// class is a class of actors.
type class struct {
	Name    string         `json:"name"`
	Params  []string       `json:"params"` // of its constructor
	Options map[string]any `json:"options,omitempty"`
	Methods []function     `json:"methods"`
}

func functionsOf(described []spec.Function) []function {
	all := make([]function, len(described))
	for i, f := range described {
		all[i] = function{Name: f.Name, Params: list(f.Params), Result: f.Result, Options: taskOptions(f.Options)}
	}
	return all
}

func classesOf(described []spec.Class) []class {
	all := make([]class, len(described))
	for i, c := range described {
		all[i] = class{Name: c.Name, Params: list(c.New.Params), Options: actorOptions(c.Options), Methods: functionsOf(c.Methods)}
	}
	return all
}

// list is never nil, so that JSON has an array where nothing is listed.
func list[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}

// taskOptions are the options that are said, by their names in Ray. Memory is in bytes, times are in seconds.
func taskOptions(o spec.TaskOptions) map[string]any {
	said := make(map[string]any)
	say(said, "name", o.Name)
	sayResources(said, o.CPUs, o.GPUs, o.Memory, o.Custom)
	say(said, "num_returns", o.Returns)
	say(said, "max_retries", o.MaxRetries)
	say(said, "retry_exceptions", o.RetryExceptions)
	if o.Timeout != nil {
		said["timeout"] = o.Timeout.Seconds()
	}
	if o.Deadline != nil {
		said["deadline"] = time.Unix(0, *o.Deadline).UTC().Format(time.RFC3339Nano)
	}
	say(said, "priority", o.Priority)
	say(said, "concurrency_group", o.Group)
	say(said, "streaming", o.Streaming)
	say(said, "stream_ahead", o.StreamAhead)
	if o.RetryOn != nil {
		said["retry_on"] = o.RetryOn
	}
	if o.RetryDelay != nil {
		said["retry_delay"] = o.RetryDelay.Seconds()
	}
	return said
}

func actorOptions(o spec.ActorOptions) map[string]any {
	said := make(map[string]any)
	for name, text := range map[string]string{"name": o.Name, "namespace": o.Namespace, "lifetime": string(o.Lifetime)} {
		if text != "" {
			said[name] = text
		}
	}
	if o.GetIfExists {
		said["get_if_exists"] = true
	}
	sayResources(said, o.CPUs, o.GPUs, o.Memory, o.Custom)
	say(said, "max_restarts", o.MaxRestarts)
	say(said, "max_task_retries", o.MaxTaskRetries)
	say(said, "max_pending_calls", o.MaxPendingCalls)
	say(said, "max_concurrency", o.MaxConcurrency)
	say(said, "exactly_once", o.ExactlyOnce)
	say(said, "sleep_after", o.SleepAfter)
	if len(o.Groups) > 0 {
		said["concurrency_groups"] = o.Groups
	}
	say(said, "priority", o.Priority)
	return said
}

func say[T any](said map[string]any, name string, value *T) {
	if value != nil {
		said[name] = *value
	}
}

func sayResources(said map[string]any, cpus, gpus *spec.Quantity, memory *int64, custom map[string]spec.Quantity) {
	if cpus != nil {
		said["num_cpus"] = cpus.Float()
	}
	if gpus != nil {
		said["num_gpus"] = gpus.Float()
	}
	say(said, "memory", memory)
	if len(custom) > 0 {
		resources := make(map[string]float64, len(custom))
		for name, q := range custom {
			resources[name] = q.Float()
		}
		said["resources"] = resources
	}
}

// signature prints a function as Go would: "add(int, int) int".
func (f function) signature() string {
	text := f.Name + "(" + strings.Join(f.Params, ", ") + ")"
	if f.Result != "" {
		text += " " + f.Result
	}
	return text
}

// optionsText prints options on one line, in the order of their names.
func optionsText(said map[string]any) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(said)) {
		value := said[name]
		if bytes, ok := value.(int64); ok && name == "memory" {
			value = spec.FormatBytes(bytes)
		}
		parts = append(parts, fmt.Sprintf("%s=%v", name, value))
	}
	return strings.Join(parts, " ")
}
