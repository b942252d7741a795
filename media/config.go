package media

import (
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
)

// Config of an Engine.
type Config struct {
	IP        netip.Addr // local address that sockets are bound to
	Advertise netip.Addr // address written into SDP; zero: IP
	PortMin   int        // first even port; 0 with PortMax 0: any even port the system gives (tests)
	PortMax   int        // last port
	Shards    int        // 0: a sensible number for this machine
	Log       *slog.Logger
	Metrics   prometheus.Registerer // nil: none

	// DSCP marks what is sent (RFC 2474), 0 to 63; 46 is voice (RFC 4594 4.1).
	DSCP int

	// listen opens the socket of a port; nil is the fastest way of the system.
	listen func(netip.AddrPort) (socket, error)
}

// spareFiles are descriptors left for the rest of the process: SIP, HTTP, the
// database, log files.
const spareFiles = 256

// fewestPorts is the least that is worth starting with.
const fewestPorts = 2

// filesAPort is what a leg takes: a socket for its audio, one for RTCP.
const filesAPort = 2

// checked fills in the defaults and returns the number of ports that may be open
// at once, or an error that says what to change.
func (c *Config) checked(maxFiles uint64) (int, error) {
	if !c.IP.IsValid() || c.IP.IsMulticast() {
		return 0, fmt.Errorf("media.ip: %q is not an address that sockets can be bound to", c.IP)
	}
	c.IP = c.IP.Unmap()
	if !c.Advertise.IsValid() {
		c.Advertise = c.IP
	}
	if c.Advertise.IsUnspecified() || c.Advertise.IsMulticast() {
		return 0, fmt.Errorf("media.advertise: %s cannot be written into SDP; set the address that the far end sends to", c.Advertise)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Shards < 0 || c.Shards > 64 {
		return 0, fmt.Errorf("media.shards: %d is not within 0 to 64", c.Shards)
	}
	if c.Shards == 0 {
		// One processor is left for signalling.
		c.Shards = max(1, runtime.GOMAXPROCS(0)-1)
	}
	if c.listen == nil {
		c.listen = listen
	}
	files := int(min(maxFiles, 1<<20))
	room := (files - spareFiles) / filesAPort // ports
	if c.PortMin == 0 && c.PortMax == 0 {
		return max(fewestPorts, room), nil
	}
	if c.PortMin < 1024 || c.PortMax > 65535 || c.PortMin > c.PortMax {
		return 0, fmt.Errorf("media.ports: %d-%d is not a range within 1024-65535", c.PortMin, c.PortMax)
	}
	ports := c.PortMax/2 - (c.PortMin+1)/2 + 1
	if ports < fewestPorts {
		return 0, fmt.Errorf("media.ports: %d-%d holds %d even ports; a bridged call needs two", c.PortMin, c.PortMax, max(ports, 0))
	}
	if room < fewestPorts {
		return 0, fmt.Errorf("media.ports: this process may open only %d files, and %d are kept for the rest of it; raise the limit (ulimit -n, LimitNOFILE=) to %d",
			files, spareFiles, filesAPort*ports+spareFiles)
	}
	if ports > room {
		c.Log.Warn("fewer calls than media.ports could hold: the process may open too few files",
			"ports", ports, "usable", room, "limit", files, "raise_to", filesAPort*ports+spareFiles)
		ports = room
	}
	return ports, nil
}
