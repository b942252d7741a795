//go:build linux

package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// options of a run.
type options struct {
	binary          string
	mode            string
	steps           string
	hold, span      time.Duration
	cpu, farmCPU    int
	rows, plot      string
	floorSide       string
	calls           int
	anyway, settled bool
	bystander       bool
}

func main() {
	log.SetFlags(0)
	var o options
	flag.StringVar(&o.binary, "binary", "bin/zvonar", "the daemon")
	flag.StringVar(&o.mode, "mode", "w1", "floor: the kernel alone"+modes())
	flag.StringVar(&o.steps, "calls-at-once", "100,200,400,600,1000,1400,1800,2200,2600,3000", "the stairs")
	flag.DurationVar(&o.hold, "hold", 20*time.Second, "how long a call lasts")
	flag.DurationVar(&o.span, "span", 12*time.Second, "how long a step is measured")
	flag.IntVar(&o.cpu, "cpu", 0, "processor of the daemon")
	flag.IntVar(&o.farmCPU, "farm-cpu", 1, "processor of the load")
	flag.StringVar(&o.rows, "rows", "", "file that a line of JSON a row is appended to")
	flag.StringVar(&o.plot, "plot", "", "draw the file of -rows into this SVG instead of measuring")
	flag.BoolVar(&o.anyway, "anyway", false, "go on after a step that was not clean")
	flag.StringVar(&o.floorSide, "floor", "", "used by the program itself")
	flag.IntVar(&o.calls, "calls", 0, "used by the program itself")
	flag.BoolVar(&o.settled, "settled", false, "used by the program itself")
	flag.BoolVar(&o.bystander, "bystander", false, "used by the program itself")
	flag.Parse()
	if err := run(o); err != nil {
		log.Fatal("load: ", err)
	}
}

func run(o options) error {
	switch {
	case o.bystander:
		return standBy()
	case o.floorSide != "":
		return floorSide(o.floorSide, o.calls, o.span)
	case o.plot != "":
		return plot(o.rows, o.plot)
	case !o.settled:
		return settle(o.farmCPU)
	case o.mode == "floor":
		return floors(o)
	}
	w, err := workloadOf(o.mode)
	if err != nil {
		return err
	}
	return stairs(o, w)
}

// settle begins anew on the processor of the load, with every thread, room for
// files and a scheduling group of its own.
func settle(cpu int) error {
	runtime.LockOSThread()
	var only unix.CPUSet
	only.Set(cpu)
	if err := unix.SchedSetaffinity(0, &only); err != nil {
		return fmt.Errorf("processor %d: %w", cpu, err)
	}
	_, _ = unix.Setsid()
	prefer(os.Getpid())
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return syscall.Exec(self, append([]string{self, "-settled"}, os.Args[1:]...), append(os.Environ(), "GOMAXPROCS=3"))
}

func parse(steps string) ([]int, error) {
	var out []int
	for s := range strings.SplitSeq(steps, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("-calls-at-once: %q is no number of calls", s)
		}
		out = append(out, n)
	}
	return out, nil
}

func floors(o options) error {
	steps, err := parse(o.steps)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	fmt.Println("| calls | kernel alone, ms a call-second |\n|---|---|")
	for _, n := range steps {
		cost, err := floor(self, n, o.cpu, o.farmCPU, o.span)
		if err != nil {
			return err
		}
		fmt.Printf("| %d | %.3f |\n", n, cost)
		if err := keep(o.rows, row{Mode: "floor", Step: n, Calls: float64(n), Cost: cost}); err != nil {
			return err
		}
	}
	return nil
}

// row is one line of the table; times in milliseconds.
type row struct {
	Mode      string  `json:"mode"`
	Step      int     `json:"step"`
	Calls     float64 `json:"calls"`
	CPU       float64 `json:"cpu_percent"`
	Cost      float64 `json:"ms_per_call_second"`
	Received  float64 `json:"received"`
	Lost      int     `json:"lost"`
	P50       float64 `json:"p50"`
	P99       float64 `json:"p99"`
	Max       float64 `json:"max"`
	Late      float64 `json:"late"` // share of intervals off by more than 20 ms
	First     float64 `json:"first_audio_p50"`
	First99   float64 `json:"first_audio_p99"`
	Failed    int     `json:"failed"`
	Repeated  int     `json:"repeated"`
	RSS       float64 `json:"rss_mb"`
	PerCall   float64 `json:"kb_per_call"`
	Farm      float64 `json:"load_cpu_percent"`
	FarmLate  float64 `json:"load_p99"`
	Others    float64 `json:"others_percent"`
	Refused   int     `json:"refused"`
	IsClean   bool    `json:"clean"`
	Disorders int     `json:"disordered"`
	Unsealed  int     `json:"unsealed"`
	Hiccup    float64 `json:"machine_held_up"` // the longest, as a bystander saw it
	Delay     float64 `json:"bridge_p50"`
	Delay99   float64 `json:"bridge_p99"`
}

const head = "| calls | CPU % | ms a call-second | received % | lost | p50 / p99 / max ms | > 20 ms off | first audio p50 / p99 ms | failed | repeated | RSS MB | kB a call | load CPU % | load late p99 ms | others CPU % | machine held up ms | bridge p50 / p99 ms | |\n" +
	"|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"

func (r row) String() string {
	clean := "clean"
	if !r.IsClean {
		clean = ""
	}
	bridge := ""
	if r.Delay > 0 {
		bridge = fmt.Sprintf("%.1f / %.1f", r.Delay, r.Delay99)
	}
	return fmt.Sprintf("| %.0f | %.0f | %.3f | %.2f | %d | %.1f / %.1f / %.1f | %.5f | %.1f / %.1f | %d | %d | %.0f | %.0f | %.0f | %.1f | %.0f | %.1f | %s | %s |", r.Calls, r.CPU, r.Cost, 100*r.Received, r.Lost,
		r.P50, r.P99, r.Max, r.Late, r.First, r.First99, r.Failed, r.Repeated, r.RSS, r.PerCall, r.Farm, r.FarmLate, r.Others, r.Hiccup, bridge, clean)
}

func keep(file string, r row) error {
	if file == "" {
		return nil
	}
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// stairs measures step after step.
func stairs(o options, w workload) error {
	steps, err := parse(o.steps)
	if err != nil {
		return err
	}
	debug.SetGCPercent(400)
	t, err := startTarget(o.binary, o.cpu, w)
	if err != nil {
		return err
	}
	defer t.stop()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	by, err := startBystander(self, o.cpu)
	if err != nil {
		return err
	}
	defer by.stop()
	f, err := newFarm(farmConfig{target: netip.MustParseAddrPort(fmt.Sprintf("%s:%d", targetIP, sipPort)),
		local: netip.MustParseAddrPort(fmt.Sprintf("%s:%d", farmIP, farmPort)), number: "ivr", hold: o.hold, load: w})
	if err != nil {
		return err
	}
	go f.loop()
	defer f.stop()
	m := meter{o: o, t: t, f: f, by: by, load: w}
	time.Sleep(2 * time.Second)
	m.idle = t.memory()
	fmt.Printf("%s, idle RSS %.0f MB\n\n%s\n", o.mode, float64(m.idle)/1024, head)
	for _, n := range steps {
		r, err := m.step(n)
		if err != nil {
			return err
		}
		fmt.Println(r)
		if err := keep(o.rows, r); err != nil {
			return err
		}
		if !o.anyway && (r.Received < 0.97 || r.Late > 0.05 || r.Calls < 0.85*float64(n)) {
			fmt.Println("\nno further: quality is gone")
			return nil
		}
	}
	return nil
}

// meter takes the figures of one step.
type meter struct {
	o    options
	t    *target
	f    *farm
	by   *bystander
	load workload
	idle int // kB
}

func (m *meter) step(n int) (row, error) {
	rate := float64(n) / m.o.hold.Seconds()
	var unasked atomic.Int64
	var first atomic.Pointer[error]
	stop := make(chan struct{})
	if !m.load.asked {
		m.f.do(func(f *farm) { f.rate = rate })
	} else {
		go m.t.originate(m.load, rate/float64(m.load.legs()), stop, func(err error) { unasked.Add(1); first.CompareAndSwap(nil, &err) })
	}
	time.Sleep(m.o.hold + 3*time.Second)
	before := unasked.Load()
	if _, err := m.by.worst(); err != nil {
		return row{}, fmt.Errorf("the bystander: %w", err)
	}
	m.f.do(func(f *farm) { f.now = window{began: time.Now()} })
	cpu, own := m.t.cpu(), ownCPU()
	work, _ := busy(m.o.cpu)
	farmWork, _ := busy(m.o.farmCPU)
	time.Sleep(m.o.span)
	var w window
	m.f.do(func(f *farm) { w = f.now })
	span := time.Since(w.began)
	held, err := m.by.worst()
	if err != nil {
		return row{}, fmt.Errorf("the bystander: %w", err)
	}
	cpu, own = m.t.cpu()-cpu, ownCPU()-own
	workNow, _ := busy(m.o.cpu)
	farmNow, _ := busy(m.o.farmCPU)
	rss := m.t.memory()
	close(stop)
	if e := first.Load(); e != nil {
		log.Printf("%d calls were not taken: %v", unasked.Load(), *e)
	}
	percent := func(d time.Duration) float64 { return 100 * d.Seconds() / span.Seconds() }
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	r := row{Mode: m.o.mode, Step: n, Calls: w.callSeconds / span.Seconds(), CPU: percent(cpu), Lost: w.lost,
		P50: ms(w.deviation.quantile(.5)), P99: ms(w.deviation.quantile(.99)), Max: ms(w.deviation.max), Late: w.deviation.over(20 * time.Millisecond),
		First: ms(w.firstAudio.quantile(.5)), First99: ms(w.firstAudio.quantile(.99)), Failed: w.failed + int(unasked.Load()-before), Repeated: w.repeated,
		RSS: float64(rss) / 1024, Farm: percent(own), FarmLate: ms(w.lateness.quantile(.99)),
		Others: percent(workNow - work - cpu + farmNow - farmWork - own), Refused: w.refused, Disorders: w.disordered, Unsealed: w.unsealed, Hiccup: ms(held)}
	if w.delay.count > 0 {
		r.Delay, r.Delay99 = ms(w.delay.quantile(.5)), ms(w.delay.quantile(.99))
	}
	r.Cost = 1000 * cpu.Seconds() / max(w.callSeconds, 1e-9)
	r.Received = float64(w.rx) / max(50*w.callSeconds, 1e-9)
	r.PerCall = float64(rss-m.idle) / max(r.Calls, 1)
	r.IsClean = r.Received >= 0.995 && r.Lost == 0 && r.Late < 0.001 && r.P99 <= 5 && r.Failed == 0 && r.Repeated == 0 && r.Unsealed == 0
	return r, nil
}

// ownCPU is the processor time of this process.
func ownCPU() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
