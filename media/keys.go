package media

import (
	"crypto/rand"
	"fmt"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// Suite is how packets are encrypted and signed (RFC 4568 6.2).
type Suite string

// The suites.
const (
	Suite80 Suite = "AES_CM_128_HMAC_SHA1_80"
	Suite32 Suite = "AES_CM_128_HMAC_SHA1_32"
)

var profiles = map[Suite]srtp.ProtectionProfile{
	Suite80: srtp.ProtectionProfileAes128CmHmacSha1_80,
	Suite32: srtp.ProtectionProfileAes128CmHmacSha1_32,
}

// Suites lists them, the better one first.
func Suites() []Suite { return []Suite{Suite80, Suite32} }

// The parts of a master key as SDES carries them: key, then salt.
const (
	keyLen    = 16
	saltLen   = 14
	MasterLen = keyLen + saltLen
)

// Master is a master key with its salt.
type Master [MasterLen]byte

// NewMaster draws one.
func NewMaster() (m Master) {
	_, _ = rand.Read(m[:]) // never fails
	return m
}

// Keys are of one SRTP session.
type Keys struct {
	Suite   Suite
	Send    Master // ours
	Receive Master // the far end's
	MKI     string // that the far end puts into its packets; "": none
}

// armour is how the packets of a leg are protected. Whoever agrees on keys (SDES
// now, DTLS later) gives the leg one; it belongs to the leg's shard. What it
// returns is valid until its next use.
type armour interface {
	// seal protects an RTP packet of ours, open reads one of theirs; false where it
	// cannot be trusted.
	seal(b []byte) ([]byte, bool)
	open(b []byte) ([]byte, bool)
	// sealReport and openReport do the same with RTCP.
	sealReport(b []byte) ([]byte, bool)
	openReport(b []byte) ([]byte, bool)
}

// srtpArmour is RFC 3711 by pion, whose contexts are not safe for use from
// several goroutines.
type srtpArmour struct {
	keys   Keys
	out    *srtp.Context
	in     *srtp.Context
	former *srtp.Context // of the keys before, until the first packet under the new ones
	header rtp.Header    // scratch
	sealed [rtpHeader + maxFrame + maxTag]byte
	opened [maxDatagram]byte
	report []byte
}

const (
	// maxTag is the longest that SRTP adds to a packet of ours.
	maxTag = 16
	// replayWindow is how far back a packet may come, in packets.
	replayWindow = 128
)

func newArmour(keys Keys, before *srtpArmour) (*srtpArmour, error) {
	profile, known := profiles[keys.Suite]
	if !known {
		return nil, fmt.Errorf("SRTP suite %q is not known", keys.Suite)
	}
	a := &srtpArmour{keys: keys}
	var err error
	if before != nil && before.keys.Suite == keys.Suite && before.keys.Send == keys.Send {
		a.out = before.out // it knows how often the sequence went round
	} else if a.out, err = srtp.CreateContext(keys.Send[:keyLen], keys.Send[keyLen:], profile); err != nil {
		return nil, fmt.Errorf("SRTP keys of ours: %w", err)
	}
	if before != nil {
		a.former = before.in
	}
	options := []srtp.ContextOption{srtp.SRTPReplayProtection(replayWindow), srtp.SRTCPReplayProtection(replayWindow)}
	if keys.MKI != "" {
		options = append(options, srtp.MasterKeyIndicator([]byte(keys.MKI)))
	}
	if a.in, err = srtp.CreateContext(keys.Receive[:keyLen], keys.Receive[keyLen:], profile, options...); err != nil {
		return nil, fmt.Errorf("SRTP keys of the far end: %w", err)
	}
	return a, nil
}

func (a *srtpArmour) seal(b []byte) ([]byte, bool) {
	out, err := a.out.EncryptRTP(a.sealed[:0], b, &a.header)
	return out, err == nil
}

func (a *srtpArmour) open(b []byte) ([]byte, bool) {
	out, err := a.in.DecryptRTP(a.opened[:0], b, &a.header)
	switch {
	case err == nil:
		a.former = nil
		return out, true
	case a.former == nil:
		return nil, false
	}
	out, err = a.former.DecryptRTP(a.opened[:0], b, &a.header)
	return out, err == nil
}

func (a *srtpArmour) sealReport(b []byte) ([]byte, bool) {
	out, err := a.out.EncryptRTCP(a.report[:0], b, nil)
	a.report = out
	return out, err == nil
}

func (a *srtpArmour) openReport(b []byte) ([]byte, bool) {
	out, err := a.in.DecryptRTCP(a.opened[:0], b, nil)
	return out, err == nil
}

// sealedShut lets nothing through: the keys that were agreed on cannot be used,
// and without them nothing may be said.
type sealedShut struct{}

func (sealedShut) seal([]byte) ([]byte, bool)       { return nil, false }
func (sealedShut) open([]byte) ([]byte, bool)       { return nil, false }
func (sealedShut) sealReport([]byte) ([]byte, bool) { return nil, false }
func (sealedShut) openReport([]byte) ([]byte, bool) { return nil, false }

// arm takes the keys of a session; the same ones again change nothing.
func (l *leg) arm(keys *Keys) {
	before, _ := l.armour.(*srtpArmour)
	switch {
	case keys == nil:
		l.armour = nil
		return
	case before != nil && before.keys == *keys:
		return
	}
	a, err := newArmour(*keys, before)
	if err != nil {
		l.shard.engine.cfg.Log.Error("a leg is silent: its keys cannot be used", "err", err)
		l.armour = sealedShut{}
		return
	}
	l.armour = a
}
