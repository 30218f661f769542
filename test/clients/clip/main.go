// Command clip indexes an image of a registry with CLIP, and reads files of it that CLIP mounts.
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/beam-cloud/clip/pkg/clip"
)

const usage = "usage: clip index IMAGE ARCHIVE | clip read ARCHIVE FOLDER FILE..."

func main() {
	// CLIP logs to stdout, where the digests go.
	if err := clip.SetLogLevel("disabled"); err != nil {
		fail(err)
	}
	switch arguments := os.Args[1:]; {
	case len(arguments) == 3 && arguments[0] == "index":
		fail(index(arguments[1], arguments[2]))
	case len(arguments) > 3 && arguments[0] == "read":
		fail(read(arguments[1], arguments[2], arguments[3:]))
	default:
		fail(errors.New(usage))
	}
}

// index reads an image's manifest and layers, and writes where to find what.
func index(image, archive string) error {
	// No credential provider: CLIP finds what the environment says, as it does by default.
	return clip.CreateFromOCIImage(context.Background(), clip.CreateFromOCIImageOptions{
		ImageRef:   image,
		OutputPath: archive,
	})
}

// read mounts an archive, and prints the digest of each file, one a line.
func read(archive, folder string, files []string) (err error) {
	mount := filepath.Join(folder, "mount")
	start, failed, server, err := clip.MountArchive(clip.MountOptions{
		ArchivePath: archive,
		MountPoint:  mount,
		// Empty, so that every layer comes from the registry.
		CachePath: filepath.Join(folder, "cache"),
	})
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, server.Unmount())
	}()
	if err := start(); err != nil {
		return err
	}
	if err := server.WaitMount(); err != nil {
		return err
	}
	for _, file := range files {
		digest, err := digestOf(filepath.Join(mount, file))
		if err != nil {
			return errors.Join(err, reason(failed))
		}
		fmt.Println(digest)
	}
	return nil
}

func digestOf(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return fmt.Sprintf("sha256:%x", hash.Sum(nil)), nil
}

func reason(failed <-chan error) error {
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "clip:", err)
		os.Exit(1)
	}
}
