package s3

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	algorithm = "AWS4-HMAC-SHA256"
	stampForm = "20060102T150405Z"
	// emptyHash is the SHA-256 of nothing.
	emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// sign adds the headers that prove who asks. hash is the hex SHA-256 of the
// body: the service refuses a body with another one.
func (c *Client) sign(r *http.Request, hash string, now time.Time) {
	stamp := now.UTC().Format(stampForm)
	r.Header.Set("X-Amz-Date", stamp)
	r.Header.Set("X-Amz-Content-Sha256", hash)
	r.Header.Set("Authorization", Authorization(r, c.AccessKey, c.SecretKey, c.Region))
}

// signed are the headers that a signature covers, in their order.
var signed = []string{"host", "x-amz-content-sha256", "x-amz-date"}

// Authorization is the header that r needs: r has its X-Amz-Date and
// X-Amz-Content-Sha256 already. It is also how a test service checks one.
func Authorization(r *http.Request, accessKey, secretKey, region string) string {
	stamp, hash := r.Header.Get("X-Amz-Date"), r.Header.Get("X-Amz-Content-Sha256")
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	values := map[string]string{"host": host, "x-amz-content-sha256": hash, "x-amz-date": stamp}
	var headers strings.Builder
	for _, name := range signed {
		headers.WriteString(name + ":" + values[name] + "\n")
	}
	names := strings.Join(signed, ";")
	canonical := strings.Join([]string{r.Method, r.URL.EscapedPath(), canonicalQuery(r.URL.Query()), headers.String(), names, hash}, "\n")
	day := stamp[:min(8, len(stamp))]
	scope := day + "/" + region + "/s3/aws4_request"
	sum := sha256.Sum256([]byte(canonical))
	text := strings.Join([]string{algorithm, stamp, scope, hex.EncodeToString(sum[:])}, "\n")
	key := mac([]byte("AWS4"+secretKey), day)
	for _, part := range []string{region, "s3", "aws4_request"} {
		key = mac(key, part)
	}
	return algorithm + " Credential=" + accessKey + "/" + scope + ", SignedHeaders=" + names + ", Signature=" + hex.EncodeToString(mac(key, text))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(text)) // never fails (hash.Hash)
	return h.Sum(nil)
}

// canonicalQuery is a query in the order and the escaping that signatures want.
func canonicalQuery(q url.Values) string {
	var parts []string
	for name, values := range q {
		for _, v := range values {
			parts = append(parts, escape(name)+"="+escape(v))
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, "&")
}

// escape is percent-encoding as RFC 3986 has it: a space is %20.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
