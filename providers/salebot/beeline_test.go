package salebot

import (
	"maps"
	"testing"
	"time"

	"zvonar/internal/calls"
)

func TestTheVariablesOfABeelineCall(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 21, 9, 30, 5, 0, time.UTC)
	end := start.Add(2 * time.Minute)
	moscow := time.FixedZone("MSK", 3*3600)
	anna := &calls.Employee{Name: "Анна Иванова", Phone: "79333221100", Extension: "201"}
	for name, c := range map[string]struct {
		call  calls.Call
		e     *calls.Employee
		event string
		want  map[string]string
	}{
		"an incoming talk": {calls.Call{Direction: calls.In, From: "79220001122", To: "78005553535", CreatedAt: start, AnsweredAt: &start, EndedAt: &end, Outcome: calls.OutcomeAnswered}, anna,
			"beeline_call_event Incoming", map[string]string{
				"beeline_call_type": "Incoming", "beeline_client_phone": "79220001122", "beeline_operator_phone": "79333221100",
				"beeline_start_time": "21.11.2026 12:30:05", "beeline_release_time": "21.11.2026 12:32:05", "beeline_record_link": "https://r.example/1",
				"beeline_call_description": "21.11.2026 12:30:05 Принятый входящий звонок. Абонент: Анна Иванова. Клиент: 79220001122"}},
		"a missed call of nobody's": {calls.Call{Direction: calls.In, To: "78005553535", CreatedAt: start, EndedAt: &end, Outcome: calls.OutcomeMissed}, nil,
			"beeline_call_event Incoming", map[string]string{
				"beeline_call_type": "Incoming", "beeline_client_phone": "", "beeline_operator_phone": "78005553535",
				"beeline_start_time": "21.11.2026 12:30:05", "beeline_release_time": "21.11.2026 12:32:05", "beeline_record_link": "https://r.example/1",
				"beeline_call_description": "21.11.2026 12:30:05 Пропущенный входящий звонок. Абонент: 78005553535. Клиент: номер скрыт"}},
		"an outgoing call that goes on": {calls.Call{Direction: calls.Out, To: "79220001122", From: "78005553535", CreatedAt: start}, anna,
			"beeline_call_event Outgoing", map[string]string{
				"beeline_call_type": "Outgoing", "beeline_client_phone": "79220001122", "beeline_operator_phone": "79333221100",
				"beeline_start_time": "21.11.2026 12:30:05", "beeline_release_time": "", "beeline_record_link": "https://r.example/1",
				"beeline_call_description": "21.11.2026 12:30:05 Пропущенный исходящий звонок. Абонент: Анна Иванова. Клиент: 79220001122"}},
	} {
		b := BeelineCallOf(&c.call, c.e, "https://r.example/1")
		if got := b.Variables(moscow); !maps.Equal(got, c.want) || b.Event() != c.event {
			t.Errorf("%s: %v %q", name, got, b.Event())
		}
	}
	if got := (BeelineCall{Start: start}).Variables(nil)["beeline_start_time"]; got != "21.11.2026 09:30:05" {
		t.Error(got)
	}
}
