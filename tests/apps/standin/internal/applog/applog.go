// Package applog writes the app's own log: one line per event in the key=value form the imitated app uses.
package applog

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// Levels from most to least severe, in the order of `log.level`.
var levels = map[string]int{"CRITICAL": 0, "ERROR": 1, "WARNING": 2, "INFO": 3, "DEBUG": 4}

var (
	mutex     sync.Mutex
	out       io.Writer = os.Stdout
	httpOut   io.Writer = os.Stdout
	threshold           = levels["INFO"]
)

// Open directs the log. Destinations are stdout, stderr, file or off; anything else is an error, as is a
// directory in which the files cannot be made.
func Open(standard, http, level, dir string) error {
	standardOut, err := destination(standard, dir, "standard.log")
	if err != nil {
		return err
	}
	accessOut, err := destination(http, dir, "http.log")
	if err != nil {
		return err
	}
	severity, known := levels[level]
	if !known {
		return fmt.Errorf("unknown log level %q", level)
	}
	mutex.Lock()
	defer mutex.Unlock()
	out, httpOut, threshold = standardOut, accessOut, severity
	return nil
}

func destination(kind, dir, name string) (io.Writer, error) {
	switch kind {
	case "stdout":
		return os.Stdout, nil
	case "stderr":
		return os.Stderr, nil
	case "off":
		return io.Discard, nil
	case "file":
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return nil, err
		}
		return os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	}
	return nil, fmt.Errorf("unknown log destination %q", kind)
}

// Infof reports an ordinary event.
func Infof(format string, args ...any) { write("INFO", format, args...) }

// Warnf reports something the app works around.
func Warnf(format string, args ...any) { write("WARNING", format, args...) }

// Errorf reports a failure the process survives.
func Errorf(format string, args ...any) { write("ERROR", format, args...) }

// Fatalf reports a failure and ends the process with exit code 1.
func Fatalf(format string, args ...any) {
	write("CRITICAL", format, args...)
	os.Exit(1)
}

// Access writes one line of the HTTP log.
func Access(remote, method, path string, status int, took time.Duration) {
	mutex.Lock()
	defer mutex.Unlock()
	fmt.Fprintf(httpOut, "time=%s level=INFO msg=request remote=%s method=%s path=%s status=%d took=%s\n",
		stamp(), remote, method, strconv.Quote(path), status, took.Round(time.Microsecond))
}

func write(level, format string, args ...any) {
	mutex.Lock()
	defer mutex.Unlock()
	if levels[level] <= threshold {
		fmt.Fprintf(out, "time=%s level=%s msg=%s\n", stamp(), level, strconv.Quote(fmt.Sprintf(format, args...)))
	}
}

func stamp() string { return time.Now().Format("2006-01-02T15:04:05.000Z07:00") }
