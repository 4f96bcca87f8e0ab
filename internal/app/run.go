package app

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/pprof"
	"sync"
	"time"
)

// A stop takes at most these together and a few seconds for what is to be recorded,
// and stays under the 30 that service managers grant.
const (
	requestTimeout = 4 * time.Second
	drainTimeout   = 16 * time.Second
)

// Run serves until ctx is done, then stops in order: no new requests, no new
// attempts, then what is under way finishes and is recorded.
func (a *App) Run(ctx context.Context) error {
	engines, stopEngines := context.WithCancel(context.WithoutCancel(ctx))
	failed := make(chan error, 8)
	var running sync.WaitGroup
	start := func(run func(context.Context) error) {
		running.Go(func() {
			if err := run(engines); err != nil {
				failed <- err
			}
		})
	}
	start(a.directory.Run)
	start(a.dispatcher.Run)
	start(a.workflows.Run)
	start(a.desk.Run)
	start(func(ctx context.Context) error { return a.publisher.Run(ctx, a.log) })
	start(a.janitor.Run)
	start(a.governance.Run)
	start(a.governance.RunHours)
	start(a.accountant.Run)
	if a.sso != nil {
		start(a.tryProvider)
	}
	if a.cfg.Pprof != "" {
		start(a.servePprof)
	}
	running.Go(func() {
		if err := a.server.Serve(a.listener); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
		}
	})
	a.log.Info("listening", "addr", a.Addr())
	close(a.ready)

	var err error
	select {
	case <-ctx.Done():
		a.log.Info("stopping")
	case err = <-failed:
	}
	a.stopServing()
	stopEngines()
	running.Wait()
	return errors.Join(err, a.close())
}

// stopServing ends the listener and gives requests under way a moment to finish.
func (a *App) stopServing() {
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	if err := a.server.Shutdown(ctx); err != nil {
		a.log.Warn("requests were cut off", "error", err)
		if err := a.server.Close(); err != nil {
			a.log.Warn("connections could not be closed", "error", err)
		}
	}
}

// servePprof serves Go's profiles on the loopback address of the configuration, but not
// the command line, which may hold keys.
func (a *App) servePprof(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	listener, err := net.Listen("tcp", a.cfg.Pprof)
	if err != nil {
		return err
	}
	a.log.Info("serving profiles", "url", "http://"+listener.Addr().String()+"/debug/pprof/")
	server := &http.Server{Handler: mux, ReadHeaderTimeout: requestTimeout}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
