package ratelimit

// Held is how many windows m has in memory.
func Held(m *Memory) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range m.of {
		if t != nil {
			n += len(t.now) + len(t.old)
		}
	}
	return n
}
