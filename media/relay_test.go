package media

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
)

// relay stands between two ports and does to their packets what networks do.
type relay struct {
	a, b *net.UDPConn // each faces one port
	done sync.WaitGroup
}

type weather struct {
	loss, double, swap float64
}

func newRelay(t *testing.T, portA, portB netip.AddrPort, w weather) *relay {
	t.Helper()
	r := &relay{}
	for _, c := range []**net.UDPConn{&r.a, &r.b} {
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
		if err != nil {
			t.Fatal(err)
		}
		*c = conn
	}
	r.done.Go(func() { pump(r.a, r.b, portB, w, 1) })
	r.done.Go(func() { pump(r.b, r.a, portA, w, 2) })
	t.Cleanup(func() {
		_, _ = r.a.Close(), r.b.Close()
		r.done.Wait()
	})
	return r
}

func pump(in, out *net.UDPConn, to netip.AddrPort, w weather, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 4733))
	var held []byte
	buf := make([]byte, 2048)
	for {
		n, _, err := in.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		lost, doubled, swapped := rng.Float64() < w.loss, rng.Float64() < w.double, rng.Float64() < w.swap
		if lost {
			continue
		}
		if swapped && held == nil {
			held = slices.Clone(buf[:n])
			continue
		}
		// The far side of a closed port refuses: as lost as any other.
		_, _ = out.WriteToUDPAddrPort(buf[:n], to)
		if doubled {
			_, _ = out.WriteToUDPAddrPort(buf[:n], to)
		}
		if held != nil {
			_, _ = out.WriteToUDPAddrPort(held, to)
			held = nil
		}
	}
}

func facing(c *net.UDPConn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }

func TestDigitsSurviveABadNetwork(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]weather{
		"20 % loss":               {loss: 0.2},
		"everything twice":        {double: 1},
		"loss, doubles and swaps": {loss: 0.2, double: 0.2, swap: 0.2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, aOwner := open(t, Config{})
			b, bOwner := open(t, Config{})
			r := newRelay(t, a.Addr(), b.Addr(), w)
			a.Set(towards(facing(r.a)))
			b.Set(towards(facing(r.b)))
			const digits = "0123456789*#5500"
			a.SendDigits(digits)
			b.SendDigits("99")
			bOwner.until(t, "all digits of a", func() bool { return len(bOwner.digits()) >= len(digits) })
			aOwner.until(t, "all digits of b", func() bool { return len(aOwner.digits()) >= 2 })
			// A clip that is over means that whatever came late has come.
			a.Play(1, rampClip(4000), false)
			aOwner.until(t, "the clip is over", aOwner.has(EventPlaybackFinished))
			if got := bOwner.digits(); got != digits {
				t.Errorf("b heard %q", got)
			}
			if got := aOwner.digits(); got != "99" {
				t.Errorf("a heard %q", got)
			}
		})
	}
}
