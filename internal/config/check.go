package config

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/egress"
)

// leastClip is the shortest clip that may be allowed (DESIGN 4.2).
const leastClip = 7 * time.Second

// check judges the values of a configuration that could be read.
func check(cfg *Config, r *report) {
	checkGeneral(cfg, r)
	checkHTTP(cfg, r)
	checkAccounts(cfg, r)
	checkTokens(cfg, r)
	checkSIP(cfg, r)
	checkMedia(cfg, r)
	checkTrunks(cfg, r)
	checkInbound(cfg, r)
	checkWebhooks(cfg, r)
	checkProviders(cfg, r)
	checkDialer(cfg, r)
	checkSMS(cfg, r)
	checkAMD(cfg, r)
	checkTrace(cfg, r)
	checkCDR(cfg, r)
	for i, entry := range cfg.Egress.Allow {
		if _, err := egress.New(egress.Config{Allow: []string{entry}}); err != nil {
			r.bad(element("egress.allow", i), "%s is not a network, an address or a host name, each with an optional :port", quote(entry))
		}
	}
}

// element is the path of an element of a list.
func element(list string, i int) string { return fmt.Sprintf("%s[%d]", list, i) }

var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// name reports a name that could not stand in a metric, a URL or a header.
func (r *report) name(path, value string) {
	switch {
	case value == "":
		r.bad(path, "a name is needed: letters, digits, and . _ - inside")
	case !plainName.MatchString(value):
		r.bad(path, "%s: a name has at most 64 letters and digits, and . _ - inside", quote(value))
	}
}

// oneOf reports a value that is none of the words.
func (r *report) oneOf(path, value string, words ...string) bool {
	if slices.Contains(words, value) {
		return true
	}
	r.bad(path, "%s is not known%s; write one of: %s", quote(value), suggestion(value, words), strings.Join(words, ", "))
	return false
}

// between reports a duration outside its range.
func (r *report) between(path string, value Duration, least, most time.Duration) {
	if t := value.Duration(); t < least || t > most {
		r.bad(path, "%s is outside %s to %s", value, Duration(least), Duration(most))
	}
}

// unique reports elements of a list that an earlier one is equal to.
func unique[T any](r *report, list string, elements []T, field string, of func(T) string) {
	first := map[string]int{}
	for i, el := range elements {
		key := of(el)
		if key == "" {
			continue
		}
		if j, twice := first[key]; twice {
			at := element(list, i)
			if field != "" {
				at = join(at, field)
			}
			r.bad(at, "is the same as that of %s; they must differ", element(list, j))
			continue
		}
		first[key] = i
	}
}

func self(s string) string { return s }

// embedded is the store where no server is named.
const embedded = "sqlite"

// StoreURL is that of the PostgreSQL database; "" where the embedded one is used.
func (c *Config) StoreURL() string {
	url := c.Store.Reveal()
	if strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://") {
		return url
	}
	return ""
}

func checkGeneral(cfg *Config, r *report) {
	r.name("node", cfg.Node)
	r.between("node_lease", cfg.NodeLease, 5*time.Second, 10*time.Minute)
	checkDataDir(cfg.DataDir, r)
	if cfg.Store != embedded && cfg.StoreURL() == "" {
		r.bad("store", "this store is not known; write sqlite, or postgres://USER:PASSWORD@HOST:5432/DATABASE")
	}
	if s := cfg.StoreReserve; s != 0 && (s < 1<<20 || s > 16<<30) {
		r.bad("store_reserve", "%s is outside 1MB to 16GB (0 is none)", s)
	}
	r.between("drain_timeout", cfg.DrainTimeout, 0, time.Hour)
	r.oneOf("log.level", cfg.Log.Level, "debug", "info", "warn", "error")
	r.oneOf("log.format", cfg.Log.Format, "json", "text")
	r.between("recordings.min_duration", cfg.Recordings.MinDuration, leastClip, 10*time.Minute)
	r.s3(cfg.Recordings.Storage.S3)
	r.between("recordings.claim", cfg.Recordings.Claim, time.Minute, 24*time.Hour)
	if n := cfg.Recordings.Approvals; n < 1 || n > 2 {
		r.bad("recordings.approvals", "%d is neither 1 nor 2", n)
	}
	if t := cfg.Recordings.TTS; t.URL.Reveal() != "" {
		checkProviderURL(t.URL.Reveal(), "recordings.tts.url", r)
		if len(t.Command) > 0 {
			r.bad("recordings.tts.url", "texts are spoken by command or by url: leave one of them out")
		}
		for _, name := range slices.Sorted(maps.Keys(t.Headers)) {
			if !headerName(name) || !calls.Printable(t.Headers[name].Reveal()) {
				r.bad(join("recordings.tts.headers", name), "the name of a header has only letters, digits and -, and its value no control characters")
			}
		}
	}
	r.between("recordings.tts.timeout", cfg.Recordings.TTS.Timeout, time.Second, 10*time.Minute)
	if l := cfg.Recordings.Loudness; l != 0 && (l < -33 || l > -9) {
		r.bad("recordings.loudness", "%g LUFS is outside -33 to -9 (0 leaves clips as they are)", l)
	}
	if id := cfg.Recordings.FirstID; id < 1 || id > 1e15 {
		r.bad("recordings.first_id", "%d is outside 1 to 1000000000000000", id)
	}
	for _, k := range []struct {
		key  string
		kept Duration
	}{{"events", cfg.Retention.Events}, {"deliveries", cfg.Retention.Deliveries}, {"audit", cfg.Retention.Audit}, {"recordings", cfg.Retention.Recordings}, {"campaigns", cfg.Retention.Campaigns}} {
		if k.kept != 0 && k.kept < Duration(day) {
			r.bad("retention."+k.key, "%s is less than a day; write 0 for ever, or at least 1d", k.kept)
		}
	}
}

// wordsOf is the sentence of an error of the ground floor.
func wordsOf(err error) string {
	if e, ok := err.(*calls.Error); ok {
		return e.Detail
	}
	return err.Error()
}
