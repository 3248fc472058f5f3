package processworkload

// Marked lists the processes that carry a mark of the supervisor's directory.
func (s *Supervisor) Marked() ([]int, error) {
	found, err := findMarked(s.instance + "/")
	var pids []int
	for _, m := range found {
		pids = append(pids, m.pid)
	}
	return pids, err
}

// HasEnded says whether a process has exited with all its threads, as its parent may learn.
func HasEnded(pid int) bool {
	p, err := openProcess(pid)
	if err != nil {
		return true
	}
	defer p.close()
	return p.ended()
}

// Maintain does what Run does every second.
func (s *Supervisor) Maintain() {
	for _, u := range s.all() {
		u.maintain()
	}
}
