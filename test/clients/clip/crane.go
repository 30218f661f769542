//go:build crane

// Says which crane is built beside: the one of the library by which CLIP reads registries.
package main

import _ "github.com/google/go-containerregistry/cmd/crane"
