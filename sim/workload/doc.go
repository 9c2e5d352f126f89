// Package workload reads the YAML file that says what a simulated cluster is to do.
//
//	workload: nightly
//	seed: 1
//	boot: 90s                    # from a machine's launch to its joining
//	prices: {worker: 0.40}       # of a node of a type, for an hour
//	deaths: {worker: 0.05}       # how often a node of a type dies, in an hour
//	network: {delay: 1ms, jitter: 1ms}
//	tasks:
//	- name: map
//	  count: 1000
//	  at: 10s                    # when the first is submitted
//	  every: 10ms                # and each that follows
//	  duration: 30s
//	  spread: 10s                # a task takes duration, give or take up to so much
//	  needs: {CPU: 1, memory: 2GiB}
//	  selector: {zone: "in(eu-1,eu-2)"}
//	  retries: 3
//	  crash: 0.01                # the probability that an attempt crashes
//	- name: train
//	  duration: 10m
//	  needs: {GPU: 1}
//	  group: trainers
//	groups:
//	- name: trainers
//	  strategy: STRICT_SPREAD
//	  bundles: [{GPU: 1}, {GPU: 1}]
//	  until: 2h
//	actors:
//	- name: counter
//	  count: 3
//	  needs: {CPU: 1}
//	  calls: 100
//	  every: 1s
//	  duration: 10ms
//	  restarts: -1
//
// What is wrong is reported with where it stands and what to write instead; an unknown key is an error. workload.schema.json says
// the same to editors. The cluster that the workload runs on is a file of its own (sched/autoscaler/clusterfile).
//
// What it is not: a language. A count and a rate are all there is of repetition.
//
// Invariants: what [Parse] returns makes a program whose size is bounded by [MaxTasks]; equal files make equal programs.
package workload
