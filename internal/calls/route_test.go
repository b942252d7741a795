package calls

import "testing"

func TestACallerIsRedirectedToWhoIsResponsibleAndNotExcepted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		answer RouteAnswer
		except []string
		want   string
	}{
		{"found with a manager", RouteAnswer{Found: true, Target: "317"}, nil, "317"},
		{"found with another exception", RouteAnswer{Found: true, Target: "317"}, []string{"318", "31"}, "317"},
		{"nobody found", RouteAnswer{Target: "317"}, nil, ""},
		{"found without a manager", RouteAnswer{Found: true, Name: "Ivan"}, nil, ""},
		{"his extension is an exception", RouteAnswer{Found: true, Target: "317"}, []string{"318", "317"}, ""},
		{"an exception in another spelling", RouteAnswer{Found: true, Target: "317@office"}, []string{"employee:317"}, ""},
	} {
		if got, ok := c.answer.Responsible(c.except); got != c.want || ok != (c.want != "") {
			t.Errorf("%s: %q, %v; want %q", c.name, got, ok, c.want)
		}
	}
}
