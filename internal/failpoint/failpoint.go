// Package failpoint lets a test break the daemon at a named instant: kill it
// as kill -9 would, hold it up, or make a step fail. Without ZVONAR_FAILPOINTS
// in the environment a point costs one look at a nil map.
//
// ZVONAR_FAILPOINTS is a list such as
//
//	engine.attempt.stored=kill@3,store.commit=delay:500ms,store.commit=error@2
//
// "@n" is the n-th time the point is passed (from 1) and only then; without it
// kill means the first time, delay and error mean every time.
//
// Any goroutine may pass a point. Everybody may import this package. Start
// reading at names.go: it lists every point and the instant it stands for.
package failpoint

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Variable is the environment variable that arms points.
const Variable = "ZVONAR_FAILPOINTS"

// order is what an armed point does.
type order struct {
	kind  string // kill, delay, error
	at    int64  // the passage at which it acts; 0: every one
	delay time.Duration
}

// point is one armed point and how often it was passed.
type point struct {
	orders []order
	passed atomic.Int64
}

var armed = sync.OnceValue(func() map[Name]*point {
	points, err := parse(os.Getenv(Variable))
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", Variable, err)
		os.Exit(2)
	}
	return points
})

// Check fails where the environment arms points that do not exist or cannot be
// read, so that a daemon refuses to start rather than run without them.
func Check() error {
	if _, err := parse(os.Getenv(Variable)); err != nil {
		return fmt.Errorf("%s: %w", Variable, err)
	}
	return nil
}

// Hit passes a point that cannot fail: an error ordered for it does nothing.
func Hit(name Name) { _ = Err(name) }

// Err passes a point; the error is what a test ordered to happen there.
func Err(name Name) error {
	points := armed()
	if points == nil {
		return nil
	}
	p := points[name]
	if p == nil {
		return nil
	}
	return p.pass(name)
}

func (p *point) pass(name Name) (err error) {
	n := p.passed.Add(1)
	for _, o := range p.orders {
		if o.at != 0 && o.at != n {
			continue
		}
		switch o.kind {
		case "kill":
			_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
			select {} // the signal is on its way; nothing more may happen here
		case "delay":
			time.Sleep(o.delay)
		case "error":
			err = fmt.Errorf("failpoint %s", name)
		}
	}
	return err
}

// parse reads the list; nothing armed is a nil map.
func parse(list string) (map[Name]*point, error) {
	var points map[Name]*point
	for _, item := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }) {
		name, what, ok := strings.Cut(item, "=")
		if !ok || !known(Name(name)) {
			return nil, fmt.Errorf("%q is not POINT=kill|delay:DURATION|error[@N] with a known point", item)
		}
		o, err := parseOrder(what)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", item, err)
		}
		if points == nil {
			points = map[Name]*point{}
		}
		if points[Name(name)] == nil {
			points[Name(name)] = &point{}
		}
		points[Name(name)].orders = append(points[Name(name)].orders, o)
	}
	return points, nil
}

func parseOrder(what string) (o order, err error) {
	what, at, has := strings.Cut(what, "@")
	if has {
		if o.at, err = strconv.ParseInt(at, 10, 64); err != nil || o.at < 1 {
			return o, fmt.Errorf("%q is not the number of a passage", at)
		}
	}
	kind, arg, _ := strings.Cut(what, ":")
	o.kind = kind
	switch kind {
	case "kill":
		o.at = max(o.at, 1)
	case "delay":
		if o.delay, err = time.ParseDuration(arg); err != nil {
			return o, err
		}
	case "error":
	default:
		return o, fmt.Errorf("%q is none of kill, delay:DURATION, error", kind)
	}
	return o, nil
}
