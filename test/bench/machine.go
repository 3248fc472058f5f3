package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
)

// machine is what the numbers were measured on.
type machine struct {
	processor, memory, kernel, load string
	cores                           int
}

func machineHere(ctx context.Context) machine {
	m := machine{
		processor: field("/proc/cpuinfo", "model name"),
		memory:    gibibytes(field("/proc/meminfo", "MemTotal")),
		cores:     runtime.NumCPU(),
	}
	if out, err := exec.CommandContext(ctx, "uname", "-sr").Output(); err == nil {
		m.kernel = string(bytes.TrimSpace(out))
	}
	return m
}

const loadLine = "load: "

// loadNow is the mean number of programs that wanted a core in the last minute.
func loadNow() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	load, _, _ := strings.Cut(string(data), " ")
	return load
}

// excuse says what a miss comes from that nobody has looked into.
func (m machine) excuse() string {
	if load, err := strconv.ParseFloat(m.load, 64); err == nil && load > 1 {
		return "Others used the machine at the same time (see its load below), which stretches every time."
	}
	return "The cause is not known yet."
}

// loadOf returns the load that the output of a run begins with.
func loadOf(text []byte) string {
	for line := range strings.Lines(string(text)) {
		if load, found := strings.CutPrefix(line, loadLine); found {
			return strings.TrimSpace(load)
		}
	}
	return ""
}

// field returns the first value of a name in a file of lines NAME: VALUE.
func field(path, name string) string {
	data, err := os.ReadFile(path) //nolint:gosec // G304: the paths are those above.
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if before, after, found := strings.Cut(line, ":"); found && strings.TrimSpace(before) == name {
			return strings.TrimSpace(after)
		}
	}
	return ""
}

// gibibytes turns N kB, as the kernel has it, into what people say.
func gibibytes(text string) string {
	kib, err := strconv.ParseFloat(strings.TrimSuffix(text, " kB"), 64)
	if err != nil {
		return text
	}
	return fmt.Sprintf("%.1f GiB", kib/(1<<20))
}

func (m machine) section() string {
	var b strings.Builder
	b.WriteString("\n## The machine\n\n| | |\n|---|---|\n")
	for _, row := range [][2]string{
		{"processor", m.processor},
		{"cores", fmt.Sprint(m.cores)},
		{"memory", m.memory},
		{"kernel", m.kernel},
		{"Go", runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH},
		{"load before the run", m.load},
	} {
		if row[1] != "" {
			fmt.Fprintf(&b, "| %s | %s |\n", row[0], row[1])
		}
	}
	return b.String()
}
