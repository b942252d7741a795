package train

import (
	"fmt"

	"zvonar/media/amd"
)

// asked is the table of what was wanted, beside what was reached and what a simple
// timer (Asterisk's app_amd with its defaults, docs/amd.md) reaches on such files.
func asked(results []Result) string {
	var all, plain, noisy part
	var noise, machineNoise, tones, named int
	for _, r := range results {
		s := r.Sound
		switch {
		case s.Noise():
			noise++
			if r.Verdict == amd.Machine || r.Revised == amd.Machine {
				machineNoise++
			}
		case s.Other():
			tones++
			if v := r.last(); v == amd.Announced || v == amd.Fax {
				named++
			}
		default:
			all.add(r)
			if s.Sub != "business" {
				plain.add(r)
			}
			if s.SNR > 0 && s.SNR <= 15 {
				noisy.add(r)
			}
		}
	}
	b := countBeeps(results)
	text := "| what | asked | reached | app_amd |\n|---|---|---|---|\n"
	row := func(what, asked, reached, timer string) {
		text += fmt.Sprintf("| %s | %s | %s | %s |\n", what, asked, reached, timer)
	}
	row("right within 3 s of the onset", "≥ 92 %", share(all.right, all.n), "81.5 %")
	row("humans taken for machines: without / with business greetings", "≤ 3 / ≤ 6 %", share(plain.humanAsMachine, plain.humans)+" / "+share(all.humanAsMachine, all.humans), "– / 30.3 %")
	row("machines taken for humans: at 3 s / revised by 6 s", "≤ 12 / ≤ 3 %", share(all.machineAsHuman, all.machines)+" / "+share(all.afterRevision, all.machines), "1.8 / 1.8 %")
	row("time: median / 95 %", "≤ 1.5 / ≤ 3.0 s", fmt.Sprintf("%.2f / %.2f s", all.at(50), all.at(95)), "1.94 / 3.64 s, from the answer")
	row("right in noise 10–15 dB below", "≥ 88 %", share(noisy.right, noisy.n), "50 %")
	row("music, noise, silence called machine", "0", fmt.Sprintf("%d of %d", machineNoise, noise), "39 of 41")
	row("beeps found", "≥ 90 %", share(b.found, b.n), "–")
	row("beeps told elsewhere, a minute of speech", "≤ 0.02", fmt.Sprintf("%.3f", float64(b.elsewhere)/max(1, b.seconds/60)), "–")
	row("tones and faxes told as such", "≥ 98 %", share(named, tones), "0")
	return text + "\n"
}

// last is the verdict that stood.
func (r *Result) last() amd.Verdict {
	if r.Revised != "" {
		return r.Revised
	}
	return r.Verdict
}
