package transform

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"time"

	"github.com/peal-dev/peal/internal/peal"
)

const (
	// maxTime is how long a program may run.
	maxTime = time.Second
	// startTime is how long a worker may take to be ready.
	startTime = 10 * time.Second
	// idleTime is how long one that has nothing to do is kept.
	idleTime = time.Minute
	// maxWorkers bounds how many there are.
	maxWorkers = 2
)

// Pool runs programs in workers, which it starts when they are needed.
type Pool struct {
	// Command makes a process that calls Work with its standard streams.
	command func(context.Context) *exec.Cmd
	slots   chan *worker // nil where none is started
}

// NewPool makes a pool. The command is started when it is first needed.
func NewPool(command func(context.Context) *exec.Cmd) *Pool {
	p := &Pool{command: command, slots: make(chan *worker, maxWorkers)}
	for range maxWorkers {
		p.slots <- nil
	}
	return p
}

// Run runs a program on an input. The error's message is safe to show; it is a
// *peal.Error with peal.CodeUnavailable where the program could not be run now.
func (p *Pool) Run(ctx context.Context, program string, input []byte) (output []byte, err error) {
	var w *worker
	select {
	case w = <-p.slots:
	case <-ctx.Done():
		return nil, peal.Wrap(peal.CodeUnavailable, ctx.Err(), "too many programs run at once")
	}
	defer func() { p.slots <- w }()
	if w == nil || !w.wake() {
		if w, err = p.start(); err != nil {
			w = nil
			return nil, peal.Wrap(peal.CodeUnavailable, err, "no process for programs could be started")
		}
	}
	output, err, alive := w.run(program, input)
	if !alive {
		w.end()
		w = nil
		return nil, err
	}
	w.rest()
	return output, err
}

// Close ends the workers, once they have nothing to do.
func (p *Pool) Close() {
	for range maxWorkers {
		if w := <-p.slots; w != nil {
			w.end()
		}
	}
}

// worker is a process that runs programs.
type worker struct {
	cmd   *exec.Cmd
	stop  context.CancelFunc
	in    io.WriteCloser
	lines chan []byte // closed when the process ends
	idle  *time.Timer
}

func (p *Pool) start() (*worker, error) {
	ctx, stop := context.WithCancel(context.Background())
	w := &worker{cmd: p.command(ctx), stop: stop, lines: make(chan []byte)}
	in, err := w.cmd.StdinPipe()
	if err != nil {
		stop()
		return nil, err
	}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		stop()
		return nil, err
	}
	if err := w.cmd.Start(); err != nil {
		stop()
		return nil, err
	}
	w.in = in
	go w.read(out)
	if line, _ := w.next(startTime); string(line) != ready {
		w.end()
		return nil, errors.New("transform: the worker is not ready")
	}
	w.idle = time.AfterFunc(idleTime, w.stop)
	w.idle.Stop()
	return w, nil
}

// read hands on the worker's lines until it ends.
func (w *worker) read(out io.Reader) {
	defer close(w.lines)
	lines := bufio.NewReaderSize(out, 64<<10)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			// How it ended shows in what it did not answer.
			_ = w.cmd.Wait()
			return
		}
		w.lines <- line
	}
}

// next waits for a line; what ended first is told by late.
func (w *worker) next(patience time.Duration) (line []byte, late bool) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case line = <-w.lines:
		return line, false
	case <-timer.C:
		return nil, true
	}
}

// wake takes the worker out of its rest; false says that it ended in it.
func (w *worker) wake() bool {
	if w.idle.Stop() {
		return true
	}
	w.end()
	return false
}

// rest lets the worker end where it is not needed for long.
func (w *worker) rest() { w.idle.Reset(idleTime) }

// end ends the process and waits for it.
func (w *worker) end() {
	w.stop()
	for range w.lines { // until the process is gone
	}
}

func (w *worker) run(program string, input []byte) (output []byte, err error, alive bool) {
	line, err := json.Marshal(request{program, input})
	if err != nil {
		return nil, err, true
	}
	if len(line) >= maxLine {
		return nil, errors.New("the input is too large"), true
	}
	if _, err := w.in.Write(append(line, '\n')); err != nil {
		return nil, peal.Wrap(peal.CodeUnavailable, err, "the process for programs has ended"), false
	}
	answer, late := w.next(maxTime)
	switch {
	case late:
		return nil, errors.New("the program took longer than " + maxTime.String()), false
	case answer == nil:
		return nil, errors.New("the program took too much memory"), false
	}
	var a reply
	if err := json.Unmarshal(answer, &a); err != nil {
		return nil, err, false
	}
	if a.Error != "" {
		return nil, errors.New(a.Error), true
	}
	return a.Output, nil, true
}
