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

// Maintain does what Run does every second.
func (s *Supervisor) Maintain() {
	for _, u := range s.all() {
		u.maintain()
	}
}
