package store

import (
	"strings"
	"testing"
)

func TestAURLThatCannotBeMeantIsRefusedWithoutItsPassword(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"": "",
		"postgres://zvonar:topsecret@db.example.com:5432/zvonar?sslmode=verify-full":                               "",
		"postgres://zvonar:topsecret@a.example.com:5432,b.example.com:5432/zvonar?target_session_attrs=read-write": "",
		"postgres://zvonar:topsecret@db.example.com:port/zvonar":                                                   "cannot be read",
		"postgres://zvonar:topsecret@db.example.com/zvonar?sslmode=perhaps":                                        "cannot be read",
		"postgres://zvonar:topsecret@db.example.com":                                                               "names none",
		"postgres://zvonar:topsecret@db.example.com/zvonar?pool_max_conns=7":                                       "pool_max_conns",
	} {
		err := CheckURL(url)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", url, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v; want %q", url, err, want)
		case err != nil && strings.Contains(err.Error(), "topsecret"):
			t.Errorf("the password is shown: %v", err)
		}
	}
}
