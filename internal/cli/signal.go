package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// slowStop is how long a command may take to end before the user is told why.
const slowStop = 250 * time.Millisecond

// interruptible is done at the first SIGINT or SIGTERM. A second one ends the
// process, also where whoever started it had it ignore SIGINT, as shells without job
// control do for what they run with &. The function ends the watch.
func interruptible(ctx context.Context, w io.Writer) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	caught := make(chan os.Signal, 2)
	signal.Notify(caught, syscall.SIGINT, syscall.SIGTERM)
	ended := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-caught:
			cancel()
		case <-ended:
			return
		}
		slow := time.After(slowStop)
		for {
			select {
			case <-slow:
				fmt.Fprintln(w, "stopping: finishing what is under way, up to 30 s; press Ctrl-C again to end at once")
			case again := <-caught:
				code := exitFailure
				if number, ok := again.(syscall.Signal); ok {
					code = 128 + int(number) // as shells have it
				}
				os.Exit(code)
			case <-ended:
				return
			}
		}
	})
	return ctx, func() {
		signal.Stop(caught)
		close(ended)
		watch.Wait()
		cancel()
	}
}
