package bench

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// process is this program run again, with another command.
type process struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	cancel context.CancelFunc
	done   chan error
	// address is what the child printed on its first line.
	address string
}

// How long a child may take to start, and to stop once it is asked to.
const (
	startTimeout = 30 * time.Second
	stopTimeout  = time.Minute
)

// sealingKey seals what a benchmark keeps where no key is set: all its servers have to
// open it, also on a PostgreSQL, beside which no key file is kept.
var sealingKey = base64.StdEncoding.EncodeToString([]byte("the key of benchmarks, 32 bytes."))

// startProcess starts the command and waits for the first line of its output, which
// ends in the address it listens on.
func startProcess(ctx context.Context, env []string, stderr io.Writer, args ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, self)
	cmd.Args = append([]string{"peal"}, args...)
	// What the environment sets comes later, and wins.
	cmd.Env = append(append([]string{"PEAL_ENCRYPTION_KEY=" + sealingKey}, os.Environ()...), env...)
	cmd.Stderr = stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopTimeout
	p := &process{cmd: cmd, cancel: cancel, done: make(chan error, 1)}
	first := make(chan string, 1)
	if err := p.start(first); err != nil {
		cancel()
		return nil, err
	}
	timeout := time.NewTimer(startTimeout)
	defer timeout.Stop()
	select {
	case line := <-first:
		p.address = line[strings.LastIndexAny(line, " /")+1:]
	case <-timeout.C:
	}
	if p.address == "" {
		return nil, errors.Join(fmt.Errorf("bench: peal %s did not start", args[0]), p.stop())
	}
	return p, nil
}

// start runs the child and gives its first line of output; done gets how it ended.
func (p *process) start(first chan<- string) (err error) {
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	go func() {
		out := bufio.NewReader(stdout)
		// A child that ends early has no first line.
		line, _ := out.ReadString('\n')
		first <- strings.TrimSpace(line)
		_, err := io.Copy(io.Discard, out)
		p.done <- errors.Join(p.cmd.Wait(), err)
	}()
	return nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop ends the process in order, and by force if that takes too long.
func (p *process) stop() error {
	p.stdin.Close()
	p.cancel()
	if err := <-p.done; !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
