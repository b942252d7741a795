package config

import "time"

// checkAMD judges what is configured of answering machine detection.
func checkAMD(cfg *Config, r *report) {
	if cfg.AMD.Keep != 0 {
		r.between("amd.keep", cfg.AMD.Keep, time.Second, time.Minute)
	}
	names := map[string]bool{}
	for i, p := range cfg.AMD.Profiles {
		at := element("amd.profiles", i)
		if r.name(join(at, "name"), p.Name); names[p.Name] {
			r.bad(join(at, "name"), "two profiles are named %s", quote(p.Name))
		}
		names[p.Name] = true
		for k, trunk := range p.Trunks {
			r.trunk(cfg, element(join(at, "trunks"), k), trunk)
		}
		for _, d := range []struct {
			key         string
			value       Duration
			least, most time.Duration
		}{
			{"deadline", p.Deadline, time.Second, 5 * time.Second}, {"no_speech", p.NoSpeech, 2 * time.Second, 20 * time.Second},
			{"revise_for", p.ReviseFor, time.Second, 10 * time.Second}, {"end_silence", p.EndSilence, 500 * time.Millisecond, 5 * time.Second},
			{"max_greeting", p.MaxGreeting, 5 * time.Second, 30 * time.Second},
		} {
			if d.value != 0 {
				r.between(join(at, d.key), d.value, d.least, d.most)
			}
		}
		for _, f := range []struct {
			key   string
			value float64
		}{{"human_below", p.HumanBelow}, {"machine_above", p.MachineAbove}, {"at_deadline", p.AtDeadline}, {"revise_above", p.ReviseAbove}} {
			if f.value < 0 || f.value > 1 {
				r.bad(join(at, f.key), "a probability is from 0 to 1")
			}
		}
		if p.HumanBelow != 0 && p.MachineAbove != 0 && p.HumanBelow >= p.MachineAbove {
			r.bad(join(at, "human_below"), "must be less than machine_above")
		}
	}
}
