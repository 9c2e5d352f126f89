package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"time"
)

// A sleeper is the control of whatever is measured by the clock while the machine is busy: a process beside ours that sleeps,
// again and again, and notes how late it wakes up. That is what the kernel and a virtual machine's host take for themselves,
// in the same seconds and beside the same load. What is measured cannot be better than that, and is no fault of ours.

// sleeperVar is set in a process that is to be a sleeper.
const sleeperVar = "RAYWASM_BENCH_SLEEPER"

// startSleeper starts one. stop ends it and returns how late it woke up, in seconds.
func startSleeper() (stop func() ([]float64, error), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), sleeperVar+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() (late []float64, err error) {
		err = errors.Join(in.Close(), json.NewDecoder(out).Decode(&late), cmd.Wait())
		return late, err
	}, nil
}

// beSleeper sleeps until in ends, and writes the samples.
func beSleeper(in io.Reader, out io.Writer) error {
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, in) // nothing comes but the end
		close(ended)
	}()
	var late []float64
	for {
		begin := time.Now()
		time.Sleep(deadline)
		late = append(late, (time.Since(begin) - deadline).Seconds())
		select {
		case <-ended:
			return json.NewEncoder(out).Encode(late)
		default:
		}
	}
}
