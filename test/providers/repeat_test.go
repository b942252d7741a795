package providers

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Software that waits in vain for an answer asks again, and the person is rung once: also
// where the daemon was killed after it had taken the order.
func TestARepeatedOrderRingsOnceThoughTheDaemonIsKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start("facades:\n  - {kind: zvonobot, settings: {repeat_window: 1h}}\n  - {kind: beeline, settings: {repeat_window: 1h}}\n")
	clip := w.clip()
	var person struct{ ID string }
	if err := w.api.Do(t.Context(), "POST", "/v1/employees", map[string]any{"name": "Anna", "extension": "201", "phone": "79005559006", "call_method": "api"}, &person); err != nil {
		t.Fatal(err)
	}
	post := func(path, body string) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.base+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-MPBX-API-AUTH-TOKEN", w.api.Token)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		said, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s %v", path, res.StatusCode, said, err)
		}
		return string(said)
	}
	orders := []struct{ path, body string }{
		{"/compat/zvonobot/apiCalls/create", fmt.Sprintf(`{"apiKey":%q,"phone":"79005550486","recordId":%d}`, w.api.Token, clip)},
		{"/compat/beeline/apis/portal/abonents/201/call", `{"phoneNumber":"9005550486"}`},
	}
	var first []string
	for _, o := range orders {
		first = append(first, post(o.path, o.body))
	}
	var bridge string
	if err := json.Unmarshal([]byte(first[1]), &bridge); err != nil {
		t.Fatal(err)
	}
	w.over(bridge)
	w.Kill()
	w.Run()
	for i, o := range orders {
		for range 3 {
			if again := post(o.path, o.body); again != first[i] {
				t.Errorf("%s: %s, and then %s", o.path, first[i], again)
			}
		}
	}
	var list struct{ Items []struct{ ID string } }
	if err := w.api.Do(t.Context(), "GET", "/v1/calls", nil, &list); err != nil || len(list.Items) != len(orders) {
		t.Errorf("%d calls were made: %v", len(list.Items), err)
	}
	for _, c := range list.Items {
		w.over(c.ID)
	}
	rung := map[string]int{}
	for _, c := range w.carrier.Calls() {
		rung[c.To]++
	}
	for number, times := range rung {
		if number != "79005550486" && times > 1 || times > 2 { // the client is ordered by both
			t.Errorf("%s was rung %d times", number, times)
		}
	}
}
