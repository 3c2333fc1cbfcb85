package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"unsafe"

	"code.vikunja.io/api/internal/applog"
)

// askPassword asks twice on a terminal, which must be one and does not repeat what is typed meanwhile. Two that differ
// are logged, and the first counts: as in the original.
func askPassword() string {
	first := readPassword("Enter Password: ")
	second := readPassword("\nConfirm Password: ")
	if first != second {
		applog.Errorf("Passwords don't match!")
	}
	fmt.Println()
	return strings.TrimSpace(first)
}

// lines keeps what was read beyond the line that was asked for.
var lines = bufio.NewReader(os.Stdin)

func readPassword(question string) string {
	fmt.Print(question)
	var before syscall.Termios
	if err := terminal(syscall.TCGETS, &before); err != nil {
		applog.Fatalf("Error reading password: %v", err)
	}
	silent := before
	silent.Lflag &^= syscall.ECHO
	if err := terminal(syscall.TCSETS, &silent); err != nil {
		applog.Fatalf("Error reading password: %v", err)
	}
	defer terminal(syscall.TCSETS, &before)
	line, err := lines.ReadString('\n')
	if err != nil && err != io.EOF {
		applog.Fatalf("Error reading password: %v", err)
	}
	return strings.TrimRight(line, "\r\n")
}

func terminal(request uintptr, state *syscall.Termios) error {
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, os.Stdin.Fd(), request, uintptr(unsafe.Pointer(state)))
	if errno != 0 {
		return errno
	}
	return nil
}
