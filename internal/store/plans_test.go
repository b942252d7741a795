package store

import (
	"strings"
	"testing"

	"zvonar/internal/calls"
)

func TestRetentionAndErasureScanNoTable(t *testing.T) {
	t.Parallel()
	s := newTest(t)
	texts := []string{overCalls, lastOfCall, pendingOfCall, textsOfCall, lastingEvents, lastSeq, pendingOfEvent, finished, deliveriesOf, endOfCall,
		expiredKeys, expiredAudit, deliveriesOfRow, dropSinkStates, callsByCallee, callsByCaller, callsByAttempt, textsByCallee,
		liveByCallee, liveByCaller, liveByAttempt, openTexts, eventsOfCall, eventsOfSubject, responsesOfCall, responsesOfTopic, auditOfObject,
		attentionOfCall, attentionOfNumber, employeesByPhone, daysOfNumber, expiredBlocks, expiredNarrow, expiredDays, overCampaigns, someContacts, endedCalls,
		"SELECT doc FROM calls" + lastTo}
	for _, b := range belongings {
		texts = append(texts, b.sql)
	}
	for _, text := range texts {
		for _, line := range planOf(t, s, text) {
			// A subquery with LIMIT 1 is "scanned" as a row of its own.
			if strings.HasPrefix(line, "SCAN ") && !strings.HasPrefix(line, "SCAN owed") {
				t.Errorf("%s\n  %s", line, text)
			}
		}
	}
	// Webhooks of single calls are looked at in the order of their keys, from a
	// mark on and to a limit: bounded by that.
	if plan := strings.Join(planOf(t, s, singleHooks), "\n"); !strings.Contains(plan, "id>?") {
		t.Errorf("webhooks are read from the first on: %s", plan)
	}
}

func planOf(t *testing.T, s *Store, query string) (lines []string) {
	t.Helper()
	args := make([]any, strings.Count(query, "?"))
	err := s.writer.query(t.Context(), func(sc scanner) error {
		var id, parent, unused int
		var detail string
		err := sc.Scan(&id, &parent, &unused, &detail)
		lines = append(lines, detail)
		return err
	}, "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatalf("%v in %s", err, query)
	}
	return lines
}

func TestStatisticsReadTheCallsOfTheirAccountAlone(t *testing.T) {
	t.Parallel()
	s := newTest(t)
	if plan := strings.Join(planOf(t, s, endedCalls), "\n"); !strings.Contains(plan, "calls_ended (account=? AND ended_at") || strings.Contains(plan, "TEMP B-TREE") {
		t.Errorf("%s\n%s", plan, endedCalls)
	}
}

func TestCallsThatAreOverCostAStartNothing(t *testing.T) {
	t.Parallel()
	s := newTest(t)
	for _, text := range []string{adoptCalls, lapsedNodes, "SELECT " + callColumns + " FROM calls" + unfinishedOf} {
		plan := strings.Join(planOf(t, s, text), "\n")
		if !strings.Contains(plan, "calls_of_node") && !strings.Contains(plan, "calls_unfinished") || strings.Contains(plan, "TEMP B-TREE") && text != lapsedNodes {
			t.Errorf("%s\n%s", plan, text)
		}
	}
}

func TestListsOfCallsReadNoMoreThanTheirIndex(t *testing.T) {
	t.Parallel()
	s := newTest(t)
	for _, c := range []struct {
		index  string
		filter calls.CallFilter
	}{
		{"calls_by_account", calls.CallFilter{}},
		{"calls_by_account", calls.CallFilter{Cursor: "x"}},
		{"calls_by_account", calls.CallFilter{Status: calls.StatusCompleted}}, // nearly all are
		{"calls_live", calls.CallFilter{Status: calls.StatusAnswered}},
		{"calls_live", calls.CallFilter{Status: calls.StatusQueued, Cursor: "x"}},
		{"calls_by_callee", calls.CallFilter{To: "79161234567"}},
		{"calls_by_ref", calls.CallFilter{Ref: "r"}},
		{"calls_by_series", calls.CallFilter{Series: "s"}},
		{"calls_by_campaign", calls.CallFilter{Campaign: "c"}},
		{"calls_by_outcome", calls.CallFilter{Outcome: calls.OutcomeBusy}},
	} {
		c.filter.Account = calls.MainAccount
		rest, _ := callsMatching(c.filter)
		plan := strings.Join(planOf(t, s, "SELECT "+callColumns+" FROM calls"+rest), "\n")
		if !strings.Contains(plan, c.index+" ") && !strings.Contains(plan, "calls_live_ref") || strings.HasPrefix(plan, "SCAN") {
			t.Errorf("%+v: %s; want %s", c.filter, plan, c.index)
		}
	}
}

func TestAContactIsFoundByItsRefInOneStep(t *testing.T) {
	t.Parallel()
	s := newTest(t)
	rest, _ := contactsMatching(calls.ContactFilter{Account: calls.MainAccount, Campaign: "c", Ref: "r"})
	if plan := strings.Join(planOf(t, s, "SELECT n FROM contacts"+rest), "\n"); !strings.Contains(plan, "campaign=? AND ckey=?") {
		t.Errorf("%s", plan)
	}
}

func TestThoseWhoAreLeftAreCountedFromTheirIndex(t *testing.T) {
	t.Parallel()
	s := newTest(t)
	for text, index := range map[string]string{leftInLine: "COVERING INDEX contacts_in_line (campaign=?", leftInCalls: "contacts_of_call (call_id=?", lastDone: "contacts_ended (campaign=?"} {
		if plan := strings.Join(planOf(t, s, text), "\n"); !strings.Contains(plan, index) || strings.Contains(plan, "SCAN c") {
			t.Errorf("%s\n%s", plan, text)
		}
	}
}
