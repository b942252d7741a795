package media

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"zvonar/media/codec"
)

func TestTheTickOfALegAllocatesNothing(t *testing.T) {
	s := newStage(t)
	a, b := s.open("127.0.0.1:20000"), s.open("127.0.0.1:20002")
	for _, f := range []*far{a, b} {
		session := f.session()
		session.Inband = true
		f.port.Set(session)
		s.settle()
		f.say(0x12)
		f.sock.discard = true
		f.port.Record(time.Minute)
		f.port.Play(1, rampClip(801), true)
	}
	s.run(100 * time.Millisecond)
	tick := func() {
		s.now += beat
		s.shard.advance(s.now)
		for _, a := range s.engine.analysts {
			a.turn()
		}
	}
	if n := testing.AllocsPerRun(1000, tick); n != 0 {
		t.Errorf("a beat with clips, recorders and analysers allocates %v times", n)
	}
	Bridge(a.port, b.port)
	tick()
	if n := testing.AllocsPerRun(1000, tick); n != 0 {
		t.Errorf("a beat of a bridge allocates %v times", n)
	}
	if a.sock.sent < 400 {
		t.Errorf("only %d packets were sent", a.sock.sent)
	}
}

func TestMetricsAddUpTheShards(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewPedanticRegistry()
	s := newStage(t)
	if err := s.engine.register(reg); err != nil {
		t.Fatal(err)
	}
	s.engine.shards = []*shard{s.shard}
	f := s.open("127.0.0.1:20000")
	f.answer()
	f.say(0x12)
	f.pt = 96
	f.say(0x12)
	s.run(200 * time.Millisecond)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			name := family.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			values[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	for name, want := range map[string]float64{
		"zvonar_media_ports_in_use": 1, "zvonar_media_packets_total rx": 1, "zvonar_media_packets_total tx": 11,
		"zvonar_media_drops_total payload_type": 1, "zvonar_media_first_audio_total": 1, "zvonar_media_tx_lateness_seconds": 11,
	} {
		if values[name] != want {
			t.Errorf("%s is %v, want %v", name, values[name], want)
		}
	}
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

// BenchmarkLegTick is the cost of one leg for one ptime, without the kernel: one
// packet heard, one frame sent.
func BenchmarkLegTick(b *testing.B) {
	for _, bench := range []struct {
		name    string
		prepare func(s *stage, legs []*far)
	}{
		{"clip", func(_ *stage, legs []*far) {
			for _, f := range legs {
				f.port.Play(1, rampClip(80000), true)
			}
		}},
		{"analysed clip", func(_ *stage, legs []*far) {
			for _, f := range legs {
				f.port.Play(1, rampClip(80000), true)
				f.port.Analyse(&hearer{})
			}
		}},
		{"bridge", func(_ *stage, legs []*far) {
			for i := 0; i < len(legs); i += 2 {
				Bridge(legs[i].port, legs[i+1].port)
			}
		}},
		{"bridge between codecs", func(_ *stage, legs []*far) {
			for i := 0; i < len(legs); i += 2 {
				session := legs[i+1].session()
				session.Codec, session.PayloadType = codec.PCMU, 0
				legs[i+1].port.Set(session)
				legs[i+1].sock.in[0].b[1] = 0
				Bridge(legs[i].port, legs[i+1].port)
			}
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			const n = 200
			s := newStage(b)
			var legs []*far
			for range n {
				f := s.open("127.0.0.1:20000")
				f.answer()
				f.say(0x12)
				f.sock.discard = true
				legs = append(legs, f)
			}
			bench.prepare(s, legs)
			s.run(40 * time.Millisecond)
			b.ReportAllocs()
			beats := 0
			for b.Loop() {
				for range 4 {
					s.now += beat
					s.shard.advance(s.now)
				}
				b.StopTimer() // the analysts have a goroutine of their own
				for _, a := range s.engine.analysts {
					a.turn()
				}
				b.StartTimer()
				beats++
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(beats*n), "ns/leg-frame")
		})
	}
}
