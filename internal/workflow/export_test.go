package workflow

// Books are what the engine counts of what it holds: executions, those that the orgs'
// queues count, and bytes.
func (e *Engine) Books() (held, queued, bytes int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, q := range e.orgs {
		queued += q.held
	}
	return len(e.held), queued, e.bytes
}
