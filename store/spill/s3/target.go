package s3

import (
	"context"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/raywasm/raywasm/spec"
	"github.com/raywasm/raywasm/store/spill"
)

// Config says which bucket.
type Config struct {
	// Endpoint is the service: "https://s3.eu-central-1.amazonaws.com", "http://localhost:9000".
	Endpoint string
	Bucket   string
	// Prefix begins the names of the files. It is this node's alone.
	Prefix string
	// Region may be needed by the service. "": it is asked for.
	Region string
	// Credentials are the key. nil: those of the environment, AWS_ACCESS_KEY_ID and its kind.
	Credentials *credentials.Credentials
}

// closing bounds how long Close takes to remove what is left.
const closing = time.Minute

type target struct {
	client         *minio.Client
	bucket, prefix string
}

// Open returns the target, after removing what is there of an earlier process. Errors: spec.InvalidArgument,
// spec.RuntimeEnvSetup.
func Open(ctx context.Context, cfg Config) (spill.Target, error) {
	const op = "open a bucket to spill to"
	at, err := url.Parse(cfg.Endpoint)
	if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" || cfg.Bucket == "" || cfg.Prefix == "" {
		return nil, spec.Errorf(op, spec.InvalidArgument, cfg.Endpoint, "it needs an endpoint that begins with https:// or http://, a bucket, and a prefix of its own")
	}
	keys := cfg.Credentials
	if keys == nil {
		keys = credentials.NewEnvAWS()
	}
	client, err := minio.New(at.Host, &minio.Options{Creds: keys, Secure: at.Scheme == "https", Region: cfg.Region})
	if err != nil {
		return nil, &spec.Error{Op: op, Kind: spec.InvalidArgument, ID: cfg.Endpoint, Err: err}
	}
	t := &target{client, cfg.Bucket, strings.Trim(cfg.Prefix, "/") + "/"}
	if err := t.clear(ctx); err != nil {
		return nil, &spec.Error{Op: op, Kind: spec.RuntimeEnvSetup, ID: cfg.Endpoint + "/" + cfg.Bucket, Err: err}
	}
	return t, nil
}

// Write implements spill.Target.
func (t *target) Write(ctx context.Context, name string, r io.Reader, n int64) error {
	_, err := t.client.PutObject(ctx, t.bucket, t.prefix+name, r, n, minio.PutObjectOptions{ContentType: "application/octet-stream"})
	return err
}

// Open implements spill.Target.
func (t *target) Open(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	var opts minio.GetObjectOptions
	if err := opts.SetRange(off, off+n-1); err != nil {
		return nil, err
	}
	object, err := t.client.GetObject(ctx, t.bucket, t.prefix+name, opts)
	if err != nil {
		return nil, known(err)
	}
	return reader{object}, nil
}

// reader is an object of the service, or a part of one.
type reader struct{ *minio.Object }

// Read gives errors their meaning.
func (r reader) Read(b []byte) (int, error) {
	n, err := r.Object.Read(b)
	return n, known(err)
}

// known gives errors of the service their meaning.
func known(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	switch minio.ToErrorResponse(err).Code {
	case "NoSuchKey":
		return spill.ErrGone
	case "InvalidRange": // it ends before
		return io.ErrUnexpectedEOF
	}
	return err
}

// Remove implements spill.Target.
func (t *target) Remove(ctx context.Context, name string) error {
	return t.client.RemoveObject(ctx, t.bucket, t.prefix+name, minio.RemoveObjectOptions{})
}

// Close removes what is left.
func (t *target) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	return t.clear(ctx)
}

// clear removes everything under the prefix.
func (t *target) clear(ctx context.Context) error {
	for o := range t.client.ListObjects(ctx, t.bucket, minio.ListObjectsOptions{Prefix: t.prefix, Recursive: true}) {
		if o.Err != nil {
			return o.Err
		}
		if err := t.client.RemoveObject(ctx, t.bucket, o.Key, minio.RemoveObjectOptions{}); err != nil {
			return err
		}
	}
	return nil
}
