package s3

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"zvonar/internal/clock"
)

// Client is one bucket. It may not be changed once it is used.
type Client struct {
	Endpoint  string // "https://s3.example.com", without a path
	Bucket    string // addressed as part of the path
	Prefix    string // before every key; "" or with a slash at its end
	Region    string // "us-east-1" where the service has none
	AccessKey string
	SecretKey string
	HTTP      *http.Client
	Clock     clock.Clock
}

// Object is one entry of a list.
type Object struct {
	Key      string // without the prefix
	Size     int64  // bytes
	Modified time.Time
}

const maxComplaint = 4 << 10 // bytes of an error's body that are read

// Put stores size bytes of r, whose hex SHA-256 is hash, under key. It is there
// for whoever asks afterwards, whole, when Put returns.
func (c *Client) Put(ctx context.Context, key string, r io.Reader, size int64, hash string) error {
	req, err := c.request(ctx, http.MethodPut, key, nil, io.NopCloser(r))
	if err != nil {
		return err
	}
	req.ContentLength = size
	res, err := c.do(req, hash)
	if err != nil {
		return fmt.Errorf("store %s: %w", key, err)
	}
	return res.Body.Close()
}

// Get opens an object; the caller closes it. One that is not there is
// fs.ErrNotExist.
func (c *Client) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	req, err := c.request(ctx, http.MethodGet, key, nil, nil)
	if err != nil {
		return nil, err
	}
	res, err := c.do(req, emptyHash)
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", key, err)
	}
	return res.Body, nil
}

// Delete removes an object. One that is not there is none of its business.
func (c *Client) Delete(ctx context.Context, key string) error {
	req, err := c.request(ctx, http.MethodDelete, key, nil, nil)
	if err != nil {
		return err
	}
	res, err := c.do(req, emptyHash)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	return res.Body.Close()
}

// listing is a page of ListObjectsV2.
type listing struct {
	Contents []struct {
		Key          string
		Size         int64
		LastModified time.Time
	}
	IsTruncated           bool
	NextContinuationToken string
}

// List calls see for every object under the prefix.
func (c *Client) List(ctx context.Context, see func(Object) error) error {
	query := url.Values{"list-type": {"2"}, "prefix": {c.Prefix}}
	for {
		page, err := c.page(ctx, query)
		if err != nil {
			return fmt.Errorf("list %s: %w", c.Bucket, err)
		}
		for _, o := range page.Contents {
			if err := see(Object{Key: strings.TrimPrefix(o.Key, c.Prefix), Size: o.Size, Modified: o.LastModified}); err != nil {
				return err
			}
		}
		if !page.IsTruncated || page.NextContinuationToken == "" {
			return nil
		}
		query.Set("continuation-token", page.NextContinuationToken)
	}
}

func (c *Client) page(ctx context.Context, query url.Values) (p listing, err error) {
	req, err := c.request(ctx, http.MethodGet, "", query, nil)
	if err != nil {
		return p, err
	}
	res, err := c.do(req, emptyHash)
	if err != nil {
		return p, err
	}
	defer func() { _ = res.Body.Close() }() // only read
	return p, xml.NewDecoder(io.LimitReader(res.Body, 16<<20)).Decode(&p)
}

// request builds a request for a key, or for the bucket.
func (c *Client) request(ctx context.Context, method, key string, query url.Values, body io.Reader) (*http.Request, error) {
	path := "/" + c.Bucket
	if key != "" {
		path += "/" + c.Prefix + key
	}
	address := strings.TrimSuffix(c.Endpoint, "/") + path
	if query != nil {
		address += "?" + canonicalQuery(query)
	}
	return http.NewRequestWithContext(ctx, method, address, body)
}

// do signs and sends; an answer that is no success is an error with what the
// service says.
func (c *Client) do(req *http.Request, hash string) (*http.Response, error) {
	c.sign(req, hash, c.Clock.Now())
	res, err := c.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return res, nil
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode == http.StatusNotFound {
		return nil, fs.ErrNotExist
	}
	var complaint struct{ Code, Message string }
	b, _ := io.ReadAll(io.LimitReader(res.Body, maxComplaint)) // what there is of it helps
	_ = xml.Unmarshal(b, &complaint)
	return nil, fmt.Errorf("the object storage says %s %s %q", res.Status, complaint.Code, complaint.Message)
}
