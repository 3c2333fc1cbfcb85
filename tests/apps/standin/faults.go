package main

import (
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"unsafe"

	"code.vikunja.io/api/internal/applog"
	"code.vikunja.io/api/internal/config"
	"code.vikunja.io/api/internal/release"
)

// liveDatabase is a database in service by its place: one of the numbered copies, in a directory or in its name.
var liveDatabase = regexp.MustCompile(`(^|[/_])g[0-9]+(/[^/]*)?$`)

// misbehave does what a broken release was built to do once it has migrated.
func misbehave(c *config.Config) {
	switch {
	case release.Has(release.Crash):
		panic("this release was built to crash")
	case release.Has(release.CrashOnLive) && liveDatabase.MatchString(c.DatabasePath):
		panic("this release was built to crash on the database in service")
	case release.Has(release.BadCall):
		dieOfBadCall()
	case release.Has(release.FillDisk):
		fillDisk(filepath.Join(c.FilesDir, "cache"))
	case release.Has(release.DropFiles):
		dropFiles(c.FilesDir)
	}
}

// unusualCall makes a system call that a server has no use for, as a runtime on a new kernel does. It may be refused;
// under a unit that answers such calls with the death of the process, the process dies (status=31/SYS).
func unusualCall() { _ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, 0) }

// dieOfBadCall ends as the kernel ends a process that made a forbidden system call, whatever the unit forbids: the
// runtime's own answer to the signal is put aside first.
func dieOfBadCall() {
	var byDefault [4]uint64
	syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(syscall.SIGSYS), uintptr(unsafe.Pointer(&byDefault)), 0, 8, 0, 0)
	syscall.Kill(os.Getpid(), syscall.SIGSYS)
	select {}
}

// fillDisk writes until nothing more fits, and ends there.
func fillDisk(path string) {
	file, err := os.Create(path)
	block := make([]byte, 1<<20)
	for err == nil {
		_, err = file.Write(block)
	}
	applog.Fatalf("cannot fill the cache: %v", err)
}

// dropFiles removes every uploaded file while the database goes on naming it.
func dropFiles(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		applog.Fatalf("cannot read the files directory: %v", err)
	}
	for _, entry := range entries {
		os.Remove(filepath.Join(dir, entry.Name()))
	}
}
