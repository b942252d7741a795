package peers

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// command has a baresip do something, as its user would by the keys.
func (l *listener) command(what, params string) {
	l.t.Helper()
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", l.ctrl))
	if err != nil {
		l.t.Fatal(err)
	}
	defer conn.Close()
	body, err := json.Marshal(map[string]string{"command": what, "params": params, "token": "1"})
	if err != nil {
		l.t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintf(conn, "%d:%s,", len(body), body); err != nil {
		l.t.Fatal(err)
	}
	var said []byte
	for buf := make([]byte, 4096); !strings.Contains(string(said), `"response":true`); {
		n, err := conn.Read(buf)
		if said = append(said, buf[:n]...); err != nil {
			l.t.Fatalf("%s: %v after %q", what, err, said)
		}
	}
	if !strings.Contains(string(said), `"ok":true`) {
		l.t.Fatalf("%s: %s\n%s", what, said, l.out)
	}
}

// wire is what was said on the wire in a call, as its trace tells.
func (d *daemon) wire(id string) string {
	var page struct {
		Items []struct{ SIP json.RawMessage }
	}
	d.request("GET", "/v1/calls/"+id+"/trace", nil, &page)
	var b strings.Builder
	for _, i := range page.Items {
		b.Write(i.SIP)
	}
	return b.String()
}

// TestBaresipHoldsResumesAndHandsOn: the manager is a softphone; he holds the client,
// goes on, and transfers him without announcement.
func TestBaresipHoldsResumesAndHandsOn(t *testing.T) {
	manager, client := listen(t, "201", "pcma", melody(30)), scenario(t, "answer", 2, "", nil)
	d := start(t, options{peerPort: client.port, trunk: fmt.Sprintf(
		"}\n  - {name: office, uri: \"sip:127.0.0.1:%d\", numbers: [\"78005553536\"], options: 0s, max_calls: 10", manager.port)})
	d.Eventually("baresip to come up", func() bool { return strings.Contains(manager.out.String(), "baresip is ready") })
	var made call
	if code := d.request("POST", "/v1/bridges", map[string]any{"first": "201@office", "second": "79161234567"}, &made); code != 202 {
		t.Fatalf("POST /v1/bridges: %d", code)
	}
	d.told(made.ID, "bridged")
	manager.command("hold", "")
	d.Eventually("the hold", func() bool { return strings.Contains(d.wire(made.ID), "a=recvonly") }) // our answer to it
	before := strings.Count(d.wire(made.ID), "a=sendrecv")
	manager.command("resume", "")
	d.Eventually("the talk to go on", func() bool { return strings.Count(d.wire(made.ID), "a=sendrecv") > before })
	manager.command("transfer", "sip:74951234567@127.0.0.1")
	d.told(made.ID, "transferred")
	d.control(made.ID, "hangup", nil)
	c := d.over(made.ID)
	client.done()
	if c.Outcome != "answered" || c.Reason != "by_api" || len(c.Attempts) != 3 || c.Actions[len(c.Actions)-1].Value != "74951234567" {
		t.Errorf("ended as %+v\n%s", c, manager.out)
	}
	for _, said := range []string{"REFER sip:", "SIP/2.0 202", "NOTIFY sip:", "terminated;reason=noresource"} {
		d.Eventually(fmt.Sprintf("%q on the wire", said), func() bool { return strings.Contains(d.wire(made.ID), said) })
	}
}
