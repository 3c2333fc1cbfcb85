package main

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// packedAt is the time of every file in an archive, so that the same content gives the same bytes.
var packedAt = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// pack writes the archive in the publisher's layout – binary, its checksum, sample configuration, licence – and
// the archive's own checksum beside it.
func pack(archive, binary, license string) error {
	program, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	name := filepath.Base(binary)
	members := []member{{name, 0o755, program}, {name + ".sha256", 0o644, checksum(name, program)}}
	for _, path := range []string{"config.yml.sample", license} {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		members = append(members, member{filepath.Base(path), 0o644, content})
	}
	if err := writeZip(archive, members); err != nil {
		return err
	}
	packed, err := os.ReadFile(archive)
	if err != nil {
		return err
	}
	return os.WriteFile(archive+".sha256", checksum(filepath.Base(archive), packed), 0o644)
}

type member struct {
	name    string
	mode    fs.FileMode
	content []byte
}

func writeZip(path string, members []member) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	archive := zip.NewWriter(file)
	for _, member := range members {
		header := &zip.FileHeader{Name: member.name, Method: zip.Deflate, Modified: packedAt}
		header.SetMode(member.mode)
		entry, err := archive.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := entry.Write(member.content); err != nil {
			return err
		}
	}
	return archive.Close()
}

// checksum is a line as `sha256sum` writes and reads it.
func checksum(name string, content []byte) []byte {
	sum := sha256.Sum256(content)
	return []byte(hex.EncodeToString(sum[:]) + "  " + name + "\n")
}
