package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/signal"
	"time"

	"code.vikunja.io/api/internal/applog"
	"code.vikunja.io/api/internal/release"
	api "code.vikunja.io/api/internal/web"
)

// drainTime is how long requests under way may still take after SIGINT.
const drainTime = 10 * time.Second

// web runs the server until SIGINT. No other signal is caught: SIGTERM and SIGHUP end the process at once.
func web() {
	unusualCall()
	c, s := boot()
	crons(c, s)
	misbehave(c)
	time.Sleep(release.Delay())
	server := api.New(c, s)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	go listen(server, c.Interface)
	<-stop
	drain(server)
}

// listen serves. When it cannot, say because the port is taken, the process stays and serves nothing.
func listen(server *api.Server, address string) {
	applog.Infof("Version %s, listening on %s", release.Version(), address)
	if err := server.Run(); !errors.Is(err, http.ErrServerClosed) {
		applog.Errorf("Server error: %v", err)
	}
}

// drain lets requests finish; when that takes too long the process ends with exit code 1.
func drain(server *api.Server) {
	if release.Has(release.HangOnStop) {
		select {}
	}
	applog.Infof("Shutting down...")
	deadline, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if err := server.Shutdown(deadline); err != nil {
		applog.Fatalf("cannot shut down: %v", err)
	}
}
