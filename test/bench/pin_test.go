package main

import (
	"os"
	"runtime"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// cores says where to put what is measured and everything else: on two cores, or anywhere on a machine with one.
func cores() (measured, rest int) {
	if runtime.NumCPU() < 2 {
		return -1, -1
	}
	return 1, 0
}

// onCore calls start on a core, which the process that it starts inherits.
func onCore(core int, start func() error) error {
	if core < 0 {
		return start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	if err := unix.SchedSetaffinity(0, setOf(core)); err != nil {
		return err
	}
	err := start()
	if again := unix.SchedSetaffinity(0, &before); err == nil {
		err = again
	}
	return err
}

func setOf(core int) *unix.CPUSet {
	var set unix.CPUSet
	set.Set(core)
	return &set
}

// stayOn keeps this process on a core until the benchmark ends.
func stayOn(b *testing.B, core int) {
	b.Helper()
	if core < 0 {
		return
	}
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		b.Fatal(err)
	}
	moveThreads(b, setOf(core))
	b.Cleanup(func() { moveThreads(b, &before) })
}

// moveThreads moves every thread that there is; later ones are like those that make them.
func moveThreads(b *testing.B, to *unix.CPUSet) {
	b.Helper()
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		b.Fatal(err)
	}
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			b.Fatal(err)
		}
		if err := unix.SchedSetaffinity(id, to); err != nil {
			b.Fatal(err)
		}
	}
}
