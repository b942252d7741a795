package store

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// processorTime is what this process has used so far.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkInboundCalls writes what the engine tells of calls that arrive, are
// answered and end, fifteen at a time: three units each.
func BenchmarkInboundCalls(b *testing.B) {
	s, err := Open(b.Context(), Config{Path: filepath.Join(b.TempDir(), "zvonar.db"), Clock: clock.System()})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close(b.Context()) }()
	ids := clock.NewIDs(clock.System(), nil)
	var done sync.WaitGroup
	report := func(err error) {
		if err != nil {
			b.Error(err)
		}
		done.Done()
	}
	b.ReportAllocs()
	start := processorTime(b)
	for n := 0; b.Loop(); n++ {
		now := time.Now()
		c := &calls.Call{ID: ids.New("call_"), Account: "main", Direction: calls.In, Status: calls.StatusRinging, To: "78005553535",
			From: fmt.Sprint("7916", n%10000000), Line: "78005553535", Trunk: "main", Flow: calls.Flow{AnswerOnly: true}, CreatedAt: now, DueAt: now, RingingAt: &now}
		ringing := c.Clone()
		first := calls.ForCall(ids.New("evt_"), now, c, calls.CallRinging, map[string]int{"sip_code": 180})
		c.Status, c.AnsweredAt, c.SIPCode = calls.StatusAnswered, &now, 200
		c.Dialog = []byte(`{"trunk":"main","call_id":"1-1234@127.0.0.20","local":"sip:78005553535@127.0.0.10:15060","local_tag":"aaaaaaaaaaaaaaaaaaaa","remote":"sip:caller1@127.0.0.20:15080","remote_tag":"123T1","cseq":0,"target":"sip:caller@127.0.0.20:15080","contact":"<sip:127.0.0.10:15060>","transport":"UDP","next_hop":"127.0.0.20:15080"}`)
		answered := c.Clone()
		second := calls.ForCall(ids.New("evt_"), now, c, calls.CallAnswered, map[string]string{"leg": "customer", "codec": "PCMA"})
		c.Status, c.Outcome, c.EndedAt, c.Dialog = calls.StatusCompleted, calls.OutcomeAnswered, &now, nil
		c.Legs = []calls.LegFacts{{ID: ids.New("leg_"), Role: calls.RoleCustomer, Codec: "PCMA"}}
		view, err := json.Marshal(calls.View(c))
		if err != nil {
			b.Fatal(err)
		}
		third := calls.ForCall(ids.New("evt_"), now, c, calls.CallCompleted, json.RawMessage(view))
		done.Add(3)
		s.Observe(func(tx calls.Tx) error { return firstErr(tx.InsertCall(ringing), tx.AppendEvent(&first)) }, report)
		s.Observe(func(tx calls.Tx) error { return firstErr(tx.UpdateCall(answered), tx.AppendEvent(&second)) }, report)
		s.Observe(func(tx calls.Tx) error { return firstErr(tx.UpdateCall(c), tx.AppendEvent(&third)) }, report)
		if n%15 == 14 {
			done.Wait()
		}
	}
	done.Wait()
	b.ReportMetric(float64(processorTime(b)-start)/1e3/float64(b.N), "cpu-us/call")
}

func firstErr(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
