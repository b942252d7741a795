package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// together is how many files one ffmpeg reads: starting it costs more than a word.
const together = 24

// decode reads the first seconds of sound files as mono of a telephone: 8 kHz, below
// the half of it and above 60 Hz, full scale ±1. options are for ffmpeg, before
// each file. Two processes run at once; the order is that of the files.
func decode(ctx context.Context, files []*input, seconds float64, options []string) ([][]float64, error) {
	out := make([][]float64, len(files))
	faults := make([]error, (len(files)+together-1)/together)
	turn := make(chan struct{}, 2)
	var all sync.WaitGroup
	for part := range faults {
		from := part * together
		to := min(len(files), from+together)
		all.Add(1)
		turn <- struct{}{}
		go func() {
			defer all.Done()
			defer func() { <-turn }()
			faults[part] = decodeSome(ctx, files[from:to], out[from:to], seconds, options)
		}()
	}
	all.Wait()
	for _, err := range faults {
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// decodeSome is one ffmpeg.
func decodeSome(ctx context.Context, files []*input, out [][]float64, seconds float64, options []string) error {
	dir, err := os.MkdirTemp("", "sounds")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	args := []string{"-v", "error", "-nostdin", "-y", "-threads", "1", "-filter_threads", "1"}
	for _, f := range files {
		args = append(args, "-t", fmt.Sprint(seconds))
		args = append(append(args, options...), "-i", f.path)
	}
	for i := range files {
		args = append(args, "-map", strconv.Itoa(i)+":a:0", "-af", "aresample=8000:filter_size=64:cutoff=0.95,highpass=f=60",
			"-ac", "1", "-f", "f32le", filepath.Join(dir, strconv.Itoa(i)))
	}
	cmd := exec.CommandContext(ctx, "ffmpeg", args...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s and %d more: ffmpeg: %w: %s", files[0].path, len(files)-1, err, strings.TrimSpace(complaint.String()))
	}
	for i := range files {
		raw, err := os.ReadFile(filepath.Join(dir, strconv.Itoa(i)))
		if err != nil {
			return err
		}
		out[i] = make([]float64, len(raw)/4)
		for k := range out[i] {
			out[i][k] = float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[4*k:])))
		}
	}
	return nil
}
