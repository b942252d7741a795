package voximplant

import (
	"encoding/json"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/test/foreign"
)

// The official JavaScript client works with our facade at a listener of its own, over TLS:
// with the credentials file that we issue, and every method that both know.
func TestTheOfficialClientWorksWithTheFacade(t *testing.T) {
	if testing.Short() {
		t.Skip("programs that we did not write are left out with -short")
	}
	d := newDesk(t)
	d.clock.Advance(time.Since(noon)) // its tokens are of today
	server := httptest.NewTLSServer(d.handler)
	defer server.Close()
	folder := t.TempDir()
	file, err := json.Marshal(d.file)
	if err != nil {
		t.Fatal(err)
	}
	ca, key := filepath.Join(folder, "ca.pem"), filepath.Join(folder, "credentials.json")
	for name, content := range map[string][]byte{key: file, ca: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	host := strings.TrimPrefix(server.URL, "https://")
	lines := foreign.Run(t, "voximplant", "HOST="+host, "VOXIMPLANT_CREDENTIALS="+key, "NODE_EXTRA_CA_CERTS="+ca)
	want := []string{ // the beginning of each answer
		`{"method":"getAccountInfo","answer":{"result":{"accountId":12345678,"accountName":"zvonar-12345678","accountEmail":"12345678@zvonar.invalid"`,
		`{"method":"startScenarios","answer":{"callSessionHistoryId":1,"mediaSessionAccessSecureUrl":"https://` + host + `/session/12345678/call_`,
		`{"method":"createCallList","answer":{"batchId":"`,
		`{"method":"appendToCallList","answer":{"batchId":"`,
		`{"method":"getCallLists","answer":{"count":1,"result":[{"listId":1,"listName":"October","priority":1,"ruleId":1,"maxSimultaneous":2,"numAttempts":3`,
		`{"method":"recoverCallList","answer":{"countRecovery":3,"result":true}}`,
		`{"method":"stopCallListProcessing","answer":{"msg":"The call list is stopped.","result":true}}`,
		`{"method":"editCallListTask","answer":{"result":true}}`,
		`{"method":"cancelCallListTask","answer":{"taskId":1,"taskUuid":"task-1","result":true}}`,
		`{"method":"getCallListDetails","answer":{"count":3,"result":[{"listId":1,"customData":"{\"name\":\"Анна; А\",\"phone\":\"79004443322\"}","attemptsLeft":3,"statusId":4,"status":"Canceled","taskId":1,"taskUuid":"task-1"}`,
		`{"method":"getCallListDetails","answer":{"file_content":"list_id;custom_data;`,
		`{"method":"deleteCallList","answer":{"msg":"The call list is deleted.","result":true}}`,
		`{"method":"getCallHistory","answer":{"result":[{"ruleName":"promo","applicationName":"bots","callSessionHistoryId":1`,
		`{"method":"sendSmsMessage","answer":{"fragmentsCount":1,"messageId":1,"result":1}}`,
		`{"method":"startScenarios","answer":{"error":{"code":101,"msg":"Invalid arguments: the 'rule_id' parameter is invalid."}}}`,
	}
	if len(lines) != len(want) {
		t.Fatalf("%d lines: %s", len(lines), lines)
	}
	for i, begin := range want {
		if !strings.HasPrefix(string(lines[i]), begin) {
			t.Errorf("answer %d:\ngot  %.400s\nwant %s", i, lines[i], begin)
		}
	}
	if list := d.calls(); len(list) != 1 || list[0].To != "79004443322" || list[0].Ref != "order 7" || list[0].Account != calls.MainAccount {
		t.Errorf("%+v", list)
	}
}
