package resolve

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// The bounds of one question.
const (
	maxDatagram = 1232 // what passes everywhere without being fragmented
	askPatience = 1200 * time.Millisecond
	askRounds   = 2 // through all servers
	maxServers  = 3
)

// client asks name servers.
type client struct {
	servers func() []netip.AddrPort
	hosts   string // the file of names that count before the DNS; "": none
}

// servers reads the name servers of resolv.conf; where there is none, this
// machine is asked.
func servers(file string) []netip.AddrPort {
	var list []netip.AddrPort
	for _, f := range fields(file) {
		if len(f) < 2 || f[0] != "nameserver" || len(list) == maxServers {
			continue
		}
		if a, err := netip.ParseAddr(f[1]); err == nil {
			list = append(list, netip.AddrPortFrom(a, 53))
		}
	}
	if len(list) == 0 {
		list = append(list, netip.MustParseAddrPort("127.0.0.1:53"))
	}
	return list
}

// fields are the words of each line of a file, without comments.
func fields(file string) (list [][]string) {
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	for s := bufio.NewScanner(io.LimitReader(f, 1<<20)); s.Scan(); {
		line, _, _ := strings.Cut(s.Text(), "#")
		if words := strings.Fields(line); len(words) > 0 {
			list = append(list, words)
		}
	}
	return list
}

// ask puts one question to the servers in turn until one answers.
func (c *client) ask(ctx context.Context, name string, typ dnsmessage.Type) (Answer, error) {
	if addrs := c.known(name, typ); addrs != nil {
		return Answer{Addrs: addrs, TTL: time.Minute}, nil
	}
	if !strings.Contains(name, ".") { // a name of this network: its own resolver knows the search list
		return system(ctx, name, typ)
	}
	var last error
	for range askRounds {
		for _, server := range c.servers() {
			a, err := exchange(ctx, server, name, typ)
			if err == nil {
				return a, nil
			}
			if last = fmt.Errorf("name server %s: %w", server, err); ctx.Err() != nil {
				return Answer{}, last
			}
		}
	}
	return Answer{}, last
}

// known is what the hosts file says.
func (c *client) known(name string, typ dnsmessage.Type) (list []netip.Addr) {
	if c.hosts == "" || typ != dnsmessage.TypeA && typ != dnsmessage.TypeAAAA {
		return nil
	}
	for _, f := range fields(c.hosts) {
		a, err := netip.ParseAddr(f[0])
		if err != nil || a.Is4() != (typ == dnsmessage.TypeA) {
			continue
		}
		for _, n := range f[1:] {
			if strings.EqualFold(n, name) {
				list = append(list, a)
			}
		}
	}
	return list
}

// system asks the resolver of the system, which knows addresses only.
func system(ctx context.Context, name string, typ dnsmessage.Type) (Answer, error) {
	a := Answer{TTL: defaultNegative}
	if typ != dnsmessage.TypeA && typ != dnsmessage.TypeAAAA {
		return a, nil
	}
	network := "ip4"
	if typ == dnsmessage.TypeAAAA {
		network = "ip6"
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, network, name)
	var none *net.DNSError
	var no *net.AddrError
	switch {
	case errors.As(err, &none) && none.IsNotFound, errors.As(err, &no):
		return a, nil
	case err != nil:
		return a, err
	}
	for _, addr := range found {
		a.Addrs = append(a.Addrs, addr.Unmap())
	}
	return a, nil
}

// exchange asks one server, by TCP where the answer does not fit a datagram. Each
// question has a socket, so a port, and an id of its own: who wants to forge the
// answer has to guess both.
func exchange(ctx context.Context, server netip.AddrPort, name string, typ dnsmessage.Type) (Answer, error) {
	var r [2]byte
	if _, err := rand.Read(r[:]); err != nil {
		return Answer{}, err
	}
	id := binary.BigEndian.Uint16(r[:])
	query, err := question(id, name, typ)
	if err != nil {
		return Answer{}, err
	}
	a, err := overUDP(ctx, server, query, id, name, typ)
	if errors.Is(err, errTruncated) {
		return overTCP(ctx, server, query, id, name, typ)
	}
	return a, err
}

func dial(ctx context.Context, network string, server netip.AddrPort) (net.Conn, func() bool, error) {
	d := net.Dialer{Timeout: askPatience}
	c, err := d.DialContext(ctx, network, server.String())
	if err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	return c, stop, nil
}

func overUDP(ctx context.Context, server netip.AddrPort, query []byte, id uint16, name string, typ dnsmessage.Type) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	c, stop, err := dial(ctx, "udp", server)
	if err != nil {
		return Answer{}, err
	}
	defer c.Close()
	defer stop()
	if _, err := c.Write(query); err != nil {
		return Answer{}, err
	}
	buf := make([]byte, maxDatagram*2)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return Answer{}, err
		}
		a, err := read(buf[:n], id, name, typ)
		if errors.Is(err, errForeign) {
			continue // somebody guesses
		}
		return a, err
	}
}

func overTCP(ctx context.Context, server netip.AddrPort, query []byte, id uint16, name string, typ dnsmessage.Type) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	c, stop, err := dial(ctx, "tcp", server)
	if err != nil {
		return Answer{}, err
	}
	defer c.Close()
	defer stop()
	if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(query))), query...)); err != nil {
		return Answer{}, err
	}
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return Answer{}, err
	}
	buf := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(c, buf); err != nil {
		return Answer{}, err
	}
	return read(buf, id, name, typ)
}
