package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
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
		memory:    field("/proc/meminfo", "MemTotal"),
		cores:     runtime.NumCPU(),
	}
	if out, err := exec.CommandContext(ctx, "uname", "-sr").Output(); err == nil {
		m.kernel = string(bytes.TrimSpace(out))
	}
	if data, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.load, _, _ = strings.Cut(string(data), " ")
	}
	return m
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
