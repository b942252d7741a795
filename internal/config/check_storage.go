package config

import (
	"net/url"
	"regexp"
	"strings"
	"time"
)

// bucketName is what services that address buckets by path accept, and no more.
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// s3 reports what is wrong with the object storage; without an endpoint there is none.
func (r *report) s3(s S3) {
	const at = "recordings.storage.s3."
	if s.Endpoint == "" {
		if s.Bucket != "" || s.AccessKey != "" {
			r.bad(at+"endpoint", "the bucket needs the address of its service; write it like https://s3.example.com")
		}
		return
	}
	if u, err := url.Parse(s.Endpoint); err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" ||
		u.RawQuery != "" || u.Fragment != "" || u.User != nil || strings.Trim(u.Path, "/") != "" {
		r.bad(at+"endpoint", "%s is not the address of a service; write it like https://s3.example.com", quote(s.Endpoint))
	}
	if !bucketName.MatchString(s.Bucket) {
		r.bad(at+"bucket", "%s is not the name of a bucket", quote(s.Bucket))
	}
	if s.Prefix != "" && (!strings.HasSuffix(s.Prefix, "/") || strings.HasPrefix(s.Prefix, "/") || url.PathEscape(s.Prefix) != strings.ReplaceAll(s.Prefix, "/", "%2F")) {
		r.bad(at+"prefix", "%s is not a prefix; write it like clips/", quote(s.Prefix))
	}
	if s.Region == "" || s.AccessKey == "" || s.SecretKey == "" {
		r.bad(at+"secret_key", "region, access_key and secret_key (or secret_key_file) are needed")
	}
	r.between(at+"timeout", s.Timeout, time.Second, 10*time.Minute)
}
