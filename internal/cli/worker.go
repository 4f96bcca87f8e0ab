package cli

import "github.com/peal-dev/peal/internal/transform"

// transformWorkerCmd is a worker of app.WorkerCommand.
type transformWorkerCmd struct{}

func (transformWorkerCmd) Run(s Streams) error { return transform.Work(s.In, s.Out) }
