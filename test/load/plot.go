//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
)

// The picture: cost of a call-second over the number of calls.
const (
	width, height = 860, 460
	left, right   = 70, 150
	top, bottom   = 56, 56
)

// curve is one line of the picture.
type curve struct {
	mode, name, colour string
	points             []row
}

// plot draws what a file of rows tells.
func plot(rows, svg string) error {
	curves := []*curve{
		{mode: "w1", name: "W1 inbound", colour: "#0b6e99"},
		{mode: "w2", name: "W2 outbound", colour: "#c0562a"},
		{mode: "floor", name: "kernel alone", colour: "#7a7a7a"},
	}
	in, err := os.Open(rows)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var r row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return fmt.Errorf("%s: %w", rows, err)
		}
		for _, c := range curves {
			if c.mode == r.Mode {
				c.points = append(c.points, r)
			}
		}
	}
	return os.WriteFile(svg, []byte(picture(curves)), 0o644)
}

func picture(curves []*curve) string {
	mostCalls, mostCost := 100.0, 0.5
	for _, c := range curves {
		slices.SortStableFunc(c.points, func(a, b row) int { return a.Step - b.Step })
		for _, p := range c.points {
			mostCalls, mostCost = max(mostCalls, p.Calls), max(mostCost, p.Cost)
		}
	}
	mostCalls, mostCost = math.Ceil(mostCalls/500)*500, math.Ceil(mostCost*5)/5
	x := func(calls float64) float64 { return left + calls/mostCalls*(width-left-right) }
	y := func(cost float64) float64 { return height - bottom - cost/mostCost*(height-top-bottom) }
	var b strings.Builder
	text := func(at string, px, py float64, size int, colour, s string) {
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="%s" font-size="%d" fill="%s">%s</text>`+"\n", px, py, at, size, colour, s)
	}
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="Helvetica, Arial, sans-serif">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, height)
	text("start", left, 26, 16, "#222222", "CPU for one second of one call, by calls at once on one core")
	text("start", left, 44, 12, "#666666", "milliseconds, signalling, store and API included; hollow: not clean")
	step := 0.1
	if mostCost > 1.2 {
		step = 0.2
	}
	for i := 0; float64(i)*step <= mostCost+1e-9; i++ {
		v := float64(i) * step
		fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#e4e4e4"/>`+"\n", left, width-right, y(v), y(v))
		text("end", left-8, y(v)+4, 12, "#444444", fmt.Sprintf("%.1f", v))
	}
	for v := 0.0; v <= mostCalls; v += 500 {
		fmt.Fprintf(&b, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#bbbbbb"/>`+"\n", x(v), x(v), height-bottom, height-bottom+5)
		text("middle", x(v), height-bottom+20, 12, "#444444", fmt.Sprintf("%.0f", v))
	}
	fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%d" y2="%d" stroke="#888888"/>`+"\n", left, width-right, height-bottom, height-bottom)
	text("middle", (left+width-right)/2, height-14, 12, "#444444", "calls at once")
	labels := map[*curve]float64{}
	for _, c := range curves {
		if len(c.points) == 0 {
			continue
		}
		var line strings.Builder
		for _, p := range c.points {
			fmt.Fprintf(&line, "%.1f,%.1f ", x(p.Calls), y(p.Cost))
		}
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.TrimSpace(line.String()), c.colour)
		for _, p := range c.points {
			fill := c.colour
			if !p.IsClean && c.mode != "floor" {
				fill = "#ffffff"
			}
			fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="4" fill="%s" stroke="%s" stroke-width="2"/>`+"\n", x(p.Calls), y(p.Cost), fill, c.colour)
		}
		last := c.points[len(c.points)-1]
		at := y(last.Cost) + 4
		for _, other := range labels {
			if math.Abs(other-at) < 32 { // two lines of text
				at = other - math.Copysign(34, other-at)
			}
		}
		labels[c] = at
		text("start", x(last.Calls)+12, at, 13, c.colour, c.name)
		text("start", x(last.Calls)+12, at+15, 12, c.colour, fmt.Sprintf("%.2f ms at %.0f", last.Cost, last.Calls))
	}
	b.WriteString("</svg>\n")
	return b.String()
}
