package resolve

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// typeNAPTR is the one type that dnsmessage does not know (RFC 3403).
const typeNAPTR = dnsmessage.Type(35)

// Answer is what the DNS says to one question. Without records the name has none
// of that type, for TTL.
type Answer struct {
	Addrs []netip.Addr
	SRV   []SRV
	NAPTR []NAPTR
	TTL   time.Duration
}

// SRV is a service record (RFC 2782). Target has no final dot; "" means that the
// service is decidedly not there.
type SRV struct {
	Priority, Weight, Port uint16
	Target                 string
}

// NAPTR is a naming authority pointer (RFC 3403).
type NAPTR struct {
	Order, Preference   uint16
	Flags, Service      string // in lower and upper case, as they are compared
	Regexp, Replacement string
}

// The bounds of an answer: how many records of it are taken, how long a chain of
// aliases is followed.
const (
	maxRecords = 64
	maxAliases = 8
)

var (
	errForeign   = errors.New("the answer is to another question")
	errServer    = errors.New("the name server failed")
	errTruncated = errors.New("the answer does not fit a datagram")
)

// defaultNegative is how long a name is not there where the zone does not say.
const defaultNegative = 30 * time.Second

// question makes a query with EDNS0.
func question(id uint16, name string, typ dnsmessage.Type) ([]byte, error) {
	n, err := dnsmessage.NewName(name + ".")
	if err != nil {
		return nil, err
	}
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: id, RecursionDesired: true})
	var edns dnsmessage.ResourceHeader
	err = errors.Join(b.StartQuestions(), b.Question(dnsmessage.Question{Name: n, Type: typ, Class: dnsmessage.ClassINET}),
		b.StartAdditionals(), edns.SetEDNS0(maxDatagram, dnsmessage.RCodeSuccess, false), b.OPTResource(edns, dnsmessage.OPTResource{}))
	if err != nil {
		return nil, err
	}
	return b.Finish()
}

// read takes an answer apart. Records of other names than the one asked for, or
// than it is an alias of, are not believed.
func read(msg []byte, id uint16, name string, typ dnsmessage.Type) (Answer, error) {
	var p dnsmessage.Parser
	h, err := p.Start(msg)
	if err != nil {
		return Answer{}, err
	}
	q, err := p.Question()
	switch {
	case err != nil:
		return Answer{}, err
	case !h.Response || h.ID != id || q.Type != typ || !strings.EqualFold(q.Name.String(), name+"."):
		return Answer{}, errForeign
	case h.Truncated:
		return Answer{}, errTruncated
	case h.RCode == dnsmessage.RCodeNameError:
		return Answer{TTL: negative(&p)}, nil
	case h.RCode != dnsmessage.RCodeSuccess:
		return Answer{}, errServer
	}
	if err := p.SkipAllQuestions(); err != nil {
		return Answer{}, err
	}
	return answers(&p, name, typ)
}

// answers reads the answer section.
func answers(p *dnsmessage.Parser, name string, typ dnsmessage.Type) (Answer, error) {
	a := Answer{TTL: -1}
	owner, aliases := strings.ToLower(name)+".", 0
	for range maxRecords {
		h, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			break
		}
		if err != nil {
			return Answer{}, err
		}
		mine := h.Class == dnsmessage.ClassINET && strings.ToLower(h.Name.String()) == owner
		switch {
		case mine && h.Type == dnsmessage.TypeCNAME && typ != dnsmessage.TypeCNAME:
			r, err := p.CNAMEResource()
			if err != nil {
				return Answer{}, err
			}
			if aliases++; aliases > maxAliases {
				return Answer{}, errServer
			}
			owner = strings.ToLower(r.CNAME.String())
			a.shorten(h.TTL)
		case mine && h.Type == typ:
			if err := a.take(p, typ); err != nil {
				return Answer{}, err
			}
			a.shorten(h.TTL)
		default:
			if err := p.SkipAnswer(); err != nil {
				return Answer{}, err
			}
		}
	}
	if len(a.Addrs)+len(a.SRV)+len(a.NAPTR) == 0 {
		return Answer{TTL: negative(p)}, nil
	}
	return a, nil
}

// shorten keeps the shortest time of all records.
func (a *Answer) shorten(ttl uint32) {
	if d := time.Duration(ttl) * time.Second; a.TTL < 0 || d < a.TTL {
		a.TTL = d
	}
}

// take reads one record of the type that was asked for.
func (a *Answer) take(p *dnsmessage.Parser, typ dnsmessage.Type) error {
	switch typ {
	case dnsmessage.TypeA:
		r, err := p.AResource()
		if err != nil {
			return err
		}
		a.Addrs = append(a.Addrs, netip.AddrFrom4(r.A))
	case dnsmessage.TypeAAAA:
		r, err := p.AAAAResource()
		if err != nil {
			return err
		}
		a.Addrs = append(a.Addrs, netip.AddrFrom16(r.AAAA).Unmap())
	case dnsmessage.TypeSRV:
		r, err := p.SRVResource()
		if err != nil {
			return err
		}
		a.SRV = append(a.SRV, SRV{r.Priority, r.Weight, r.Port, hostOf(r.Target.String())})
	case typeNAPTR:
		r, err := p.UnknownResource()
		if err != nil {
			return err
		}
		if n, ok := readNAPTR(r.Data); ok {
			a.NAPTR = append(a.NAPTR, n)
		}
	default:
		return p.SkipAnswer()
	}
	return nil
}

// hostOf is a name without its final dot, in lower case.
func hostOf(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// negative is how long the name is not there: by the SOA in the authority section
// (RFC 2308).
func negative(p *dnsmessage.Parser) time.Duration {
	if p.SkipAllQuestions() != nil || p.SkipAllAnswers() != nil {
		return defaultNegative
	}
	for range maxRecords {
		h, err := p.AuthorityHeader()
		if err != nil {
			break
		}
		if h.Type != dnsmessage.TypeSOA {
			if p.SkipAuthority() != nil {
				break
			}
			continue
		}
		soa, err := p.SOAResource()
		if err != nil {
			break
		}
		return time.Duration(min(h.TTL, soa.MinTTL)) * time.Second
	}
	return defaultNegative
}

// readNAPTR reads the data of a NAPTR, whose names are never compressed (RFC 3403 4.1).
func readNAPTR(b []byte) (n NAPTR, ok bool) {
	if len(b) < 4 {
		return n, false
	}
	n.Order, n.Preference = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	b = b[4:]
	for _, to := range []*string{&n.Flags, &n.Service, &n.Regexp} {
		if len(b) == 0 || len(b) < 1+int(b[0]) {
			return n, false
		}
		*to, b = string(b[1:1+int(b[0])]), b[1+int(b[0]):]
	}
	n.Flags, n.Service = strings.ToLower(n.Flags), strings.ToUpper(n.Service)
	var labels []string
	for len(b) > 0 && b[0] != 0 {
		if b[0] > 63 || len(b) < 1+int(b[0]) {
			return n, false
		}
		labels, b = append(labels, string(b[1:1+int(b[0])])), b[1+int(b[0]):]
	}
	n.Replacement = strings.ToLower(strings.Join(labels, "."))
	return n, len(b) == 1
}
