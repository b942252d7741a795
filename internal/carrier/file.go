package carrier

import (
	"fmt"
	"maps"
	"net/netip"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"zvonar/internal/calls"
)

// File is the carrier's configuration as people write it: a YAML file, or the
// options of `zvonar carrier`. An empty field is its default.
type File struct {
	Listen     string            `yaml:"listen"`      // udp://127.0.0.1:5070
	HTTP       string            `yaml:"http"`        // 127.0.0.1:5071
	MediaIP    string            `yaml:"media_ip"`    // address for RTP
	Ports      string            `yaml:"ports"`       // 30000-31998
	Peer       string            `yaml:"peer"`        // sip:127.0.0.1:5060
	AcceptFrom []string          `yaml:"accept_from"` // 127.0.0.0/8
	Token      string            `yaml:"token"`
	CallerID   string            `yaml:"caller_id"`
	Aliases    map[string]string `yaml:"aliases"` // number → magic number or suffix
	Out        string            `yaml:"out"`     // directory
	Pace       float64           `yaml:"pace"`
}

// ParseFile reads YAML; unknown keys are errors with their line.
func ParseFile(b []byte) (File, error) {
	var f File
	if len(strings.TrimSpace(string(b))) == 0 {
		return f, nil
	}
	if err := yaml.UnmarshalWithOptions(b, &f, yaml.Strict()); err != nil {
		return File{}, fmt.Errorf("configuration of the test carrier: %w", err)
	}
	return f, nil
}

// Over returns f where it says something, and under elsewhere.
func (f File) Over(under File) File {
	for _, field := range []struct{ top, bottom *string }{
		{&f.Listen, &under.Listen}, {&f.HTTP, &under.HTTP}, {&f.MediaIP, &under.MediaIP}, {&f.Ports, &under.Ports},
		{&f.Peer, &under.Peer}, {&f.Token, &under.Token}, {&f.CallerID, &under.CallerID}, {&f.Out, &under.Out},
	} {
		if *field.top == "" {
			*field.top = *field.bottom
		}
	}
	if len(f.AcceptFrom) == 0 {
		f.AcceptFrom = under.AcceptFrom
	}
	if f.Pace == 0 {
		f.Pace = under.Pace
	}
	aliases := maps.Clone(under.Aliases)
	if aliases == nil {
		aliases = map[string]string{}
	}
	maps.Copy(aliases, f.Aliases)
	f.Aliases = aliases
	return f
}

// Config reads the addresses and ranges of f.
func (f File) Config() (Config, error) {
	cfg := Config{
		Listen: f.Listen, HTTPListen: f.HTTP, PeerAddr: f.Peer, Token: f.Token, CallerID: f.CallerID,
		Aliases: f.Aliases, OutDir: f.Out, Pace: f.Pace,
	}
	if f.MediaIP != "" {
		ip, err := netip.ParseAddr(f.MediaIP)
		if err != nil {
			return Config{}, calls.Errorf(calls.CodeInvalidField, "media_ip %q is not an IP address", bounded(f.MediaIP))
		}
		cfg.MediaIP = ip
	}
	if f.Ports != "" {
		low, high, _ := strings.Cut(f.Ports, "-")
		from, err1 := strconv.ParseUint(low, 10, 16)
		to, err2 := strconv.ParseUint(high, 10, 16)
		if err1 != nil || err2 != nil || from >= to || from < 1024 {
			return Config{}, calls.Errorf(calls.CodeInvalidField, "ports %q: write a range like 30000-31998", bounded(f.Ports))
		}
		cfg.PortMin, cfg.PortMax = int(from), int(to)
	}
	for _, s := range f.AcceptFrom {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return Config{}, calls.Errorf(calls.CodeInvalidField, "accept_from %q: write networks like 192.0.2.0/24", bounded(s))
		}
		cfg.AcceptFrom = append(cfg.AcceptFrom, p)
	}
	return cfg, nil
}
