package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
)

func main() {
	list := flag.Bool("packages", false, "say which packages are needed, and the folder to unpack each in")
	without := flag.String("without", "", "packages to leave out, with commas between")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *list, *without, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "sounds:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, list bool, without string, args []string) error {
	table, err := sources()
	if err != nil {
		return err
	}
	if table, err = leave(table, without); err != nil {
		return err
	}
	if list {
		for _, line := range packages(table) {
			fmt.Println(line)
		}
		return nil
	}
	if len(args) != 2 {
		return errors.New("name the folder with the unpacked packages and the one to write")
	}
	for _, program := range []string{"ffmpeg", "festival"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s is missing: apt-get install %s", program, program)
		}
	}
	return compose(ctx, table, args[0], args[1])
}

// steps are what is written one after the other, each with the manifest so far.
var steps = []struct {
	kind string
	make func(context.Context, *source, []*input, *shelf) error
}{
	{"music", music},
	{"words", words},
	{"talk", talk},
	{"tts", synthetic},
	{"noise", noise},
}

// compose writes DIR: a folder and a further manifest for each step.
func compose(ctx context.Context, table []*source, unpacked, dir string) error {
	to := &shelf{dir: dir}
	for _, step := range steps {
		count := len(to.rows)
		for _, s := range table {
			if s.kind != step.kind {
				continue
			}
			inputs, err := s.inputs(unpacked)
			if err != nil {
				return err
			}
			if err := step.make(ctx, s, inputs, to); err != nil {
				return fmt.Errorf("%s: %w", s.pkg, err)
			}
		}
		if err := to.manifest(); err != nil {
			return err
		}
		fmt.Printf("%s: %d sounds\n", step.kind, len(to.rows)-count)
	}
	return nil
}
