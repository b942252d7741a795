package s3

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zvonar/internal/clock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service is an object storage in memory that believes nobody: it computes every
// signature itself, and pages its lists two by two.
type service struct {
	mu      sync.Mutex
	objects map[string]string
	clock   clock.Clock
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	sum := sha256.Sum256(body)
	at, _ := time.Parse(stampForm, r.Header.Get("X-Amz-Date"))
	switch {
	case r.Header.Get("Authorization") != Authorization(r, "AKID", "secret", "eu-1"):
		s.refuse(w, "SignatureDoesNotMatch")
		return
	case r.Header.Get("X-Amz-Content-Sha256") != hex.EncodeToString(sum[:]):
		s.refuse(w, "XAmzContentSHA256Mismatch")
		return
	case s.clock.Now().Sub(at).Abs() > 15*time.Minute:
		s.refuse(w, "RequestTimeTooSkewed")
		return
	}
	key := strings.TrimPrefix(r.URL.Path, "/bucket")
	have, there := s.objects[key]
	switch {
	case key == "" && r.Method == http.MethodGet:
		s.list(w, r)
	case r.Method == http.MethodPut:
		s.objects[key] = string(body)
	case !there:
		w.WriteHeader(http.StatusNotFound)
	case r.Method == http.MethodGet:
		_, _ = io.WriteString(w, have)
	case r.Method == http.MethodDelete:
		delete(s.objects, key)
		w.WriteHeader(http.StatusNoContent)
	}
}

func (s *service) refuse(w http.ResponseWriter, code string) {
	w.WriteHeader(http.StatusForbidden)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
}

func (s *service) list(w http.ResponseWriter, r *http.Request) {
	var keys []string
	for key := range s.objects {
		if key = key[1:]; strings.HasPrefix(key, r.URL.Query().Get("prefix")) && key > r.URL.Query().Get("continuation-token") {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	more := len(keys) > 2
	keys = keys[:min(2, len(keys))]
	fmt.Fprintf(w, "<ListBucketResult><IsTruncated>%t</IsTruncated>", more)
	for _, key := range keys {
		fmt.Fprintf(w, "<Contents><Key>%s</Key><Size>%d</Size><LastModified>%s</LastModified></Contents>", key, len(s.objects["/"+key]), s.clock.Now().Format(time.RFC3339))
	}
	if more {
		fmt.Fprintf(w, "<NextContinuationToken>%s</NextContinuationToken>", keys[1])
	}
	fmt.Fprint(w, "</ListBucketResult>")
}

func open(t *testing.T) (*Client, *service) {
	t.Helper()
	clk := clock.NewFake(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
	s := &service{objects: map[string]string{}, clock: clk}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return &Client{Endpoint: server.URL, Bucket: "bucket", Prefix: "clips/", Region: "eu-1", AccessKey: "AKID", SecretKey: "secret", HTTP: server.Client(), Clock: clk}, s
}

func put(c *Client, key, text string) error {
	sum := sha256.Sum256([]byte(text))
	return c.Put(context.Background(), key, strings.NewReader(text), int64(len(text)), hex.EncodeToString(sum[:]))
}

func TestAnObjectIsStoredListedFetchedAndDeleted(t *testing.T) {
	t.Parallel()
	c, s := open(t)
	s.objects["/other/x"] = "not ours"
	for _, key := range []string{"ab/1.wav", "ab/2.wav", "cd/3 ä+.wav"} {
		if err := put(c, strings.ReplaceAll(strings.ReplaceAll(key, " ", "%20"), "ä", "%C3%A4"), "sound of "+key); err != nil {
			t.Fatal(err)
		}
	}
	var keys []string
	if err := c.List(t.Context(), func(o Object) error { keys = append(keys, o.Key); return nil }); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(keys, []string{"ab/1.wav", "ab/2.wav", "cd/3 ä+.wav"}) {
		t.Errorf("listed %q", keys)
	}
	r, err := c.Get(t.Context(), "ab/2.wav")
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil || string(b) != "sound of ab/2.wav" {
		t.Errorf("%q, %v", b, err)
	}
	for range 2 { // the second time it is gone already
		if err := c.Delete(t.Context(), "ab/2.wav"); err != nil {
			t.Error(err)
		}
	}
	if _, err := c.Get(t.Context(), "ab/2.wav"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after its deletion: %v", err)
	}
}

func TestWhatTheServiceRefusesIsToldInItsWords(t *testing.T) {
	t.Parallel()
	c, s := open(t)
	err := c.Put(t.Context(), "x", strings.NewReader("other bytes"), 11, emptyHash)
	if err == nil || !strings.Contains(err.Error(), "XAmzContentSHA256Mismatch") || len(s.objects) != 0 {
		t.Errorf("bytes of another hash: %v", err)
	}
	c.SecretKey = "wrong"
	if err := put(c, "x", "y"); err == nil || !strings.Contains(err.Error(), "SignatureDoesNotMatch") || strings.Contains(err.Error(), "wrong") {
		t.Errorf("a wrong key: %v", err)
	}
}

// The example of the specification: GET of test.txt with a range is signed over
// more headers than ours, so it is the list of a bucket, whose signature covers
// exactly ours (AWS "Signature Calculations for the Authorization Header", GET
// Bucket (List Objects)).
func TestTheSignatureIsThatOfTheSpecification(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodGet, "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J", nil)
	r.Header.Set("X-Amz-Date", "20130524T000000Z")
	r.Header.Set("X-Amz-Content-Sha256", emptyHash)
	got := Authorization(r, "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")
	if want := "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"; !strings.HasSuffix(got, want) {
		t.Errorf("%s; want %s", got, want)
	}
}
