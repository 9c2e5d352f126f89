// Package clusterfile reads the YAML file that describes a cluster: its name, its provider, the types of nodes it may have and
// how many. The keys are Ray's where they make sense here.
//
//	cluster_name: demo
//	max_workers: 10
//	provider:
//	  type: process
//	available_node_types:
//	  head:
//	    resources: {CPU: 2}
//	    max_workers: 0
//	  worker:
//	    resources: {CPU: 4, memory: 8GiB}
//	    labels: {market: spot}
//	    min_workers: 1
//	    node_config: {image: ray}
//	head_node_type: head
//
// Whatever is wrong is reported at once, each with file, line, column, key, and what to write instead. An unknown key is an
// error. cluster.schema.json says the same to editors; a test holds the two together.
//
// What it is not: a template language. Anchors, aliases, merges and tags are refused, so that the file is what it looks like and
// no few lines become gigabytes.
//
// Invariants: what [Parse] returns passes [autoscaler.Config.Check]; equal files give equal digests; a type's digest changes when
// its resources, labels or node_config do, and not when its limits do.
package clusterfile
