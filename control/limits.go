package control

import (
	"strconv"
	"time"

	"github.com/raywasm/raywasm/spec"
)

// Limits of what a store takes. Whatever is over one is refused with spec.LimitExceeded.
const (
	// MaxKeyBytes bounds a key: two names of spec.MaxNameBytes and what says which.
	MaxKeyBytes = 4 * spec.KiB
	// MaxValueBytes bounds a value: records are small, and a large one would hold up what is behind it.
	MaxValueBytes = 64 * spec.KiB
	// MaxOps bounds each of a transaction's conditions, puts and deletes: one for each node that a large placement group
	// touches.
	MaxOps = 1024
	// MaxTxnBytes bounds the keys and values of a transaction together: etcd takes 1.5 MiB in one request.
	MaxTxnBytes = spec.MiB
	// MaxPage bounds the items of one page.
	MaxPage = 1000
	// MaxTTL bounds a lease; what should live longer is kept alive.
	MaxTTL = 24 * time.Hour
)

const checking = "check transaction"

// Check reports the first thing in a transaction that no store takes: spec.InvalidArgument for an empty key, a key that
// is changed twice or a negative revision, spec.LimitExceeded for what is too large.
func (t Txn) Check() error {
	if len(t.If) > MaxOps || len(t.Put) > MaxOps || len(t.Delete) > MaxOps {
		return spec.Errorf(checking, spec.LimitExceeded, "", "%d conditions, %d puts and %d deletes: at most %d each", len(t.If), len(t.Put), len(t.Delete), MaxOps)
	}
	if t.Term != (Term{}) {
		if err := (Condition{t.Term.Key, t.Term.Epoch}).check(); err != nil {
			return err
		}
	}
	bytes := len(t.Term.Key)
	for _, c := range t.If {
		if err := c.check(); err != nil {
			return err
		}
		bytes += len(c.Key)
	}
	changed := make(map[string]struct{}, len(t.Put)+len(t.Delete))
	change := func(key string) error {
		if _, twice := changed[key]; twice {
			return spec.Errorf(checking, spec.InvalidArgument, Quote(key), "the key is changed twice")
		}
		changed[key] = struct{}{}
		bytes += len(key)
		return CheckKey(key)
	}
	for _, p := range t.Put {
		if err := change(p.Key); err != nil {
			return err
		}
		if len(p.Value) > MaxValueBytes {
			return spec.Errorf(checking, spec.LimitExceeded, Quote(p.Key), "a value of %s: at most %s", spec.FormatBytes(int64(len(p.Value))), spec.FormatBytes(MaxValueBytes))
		}
		bytes += len(p.Value)
	}
	for _, key := range t.Delete {
		if err := change(key); err != nil {
			return err
		}
	}
	if bytes > MaxTxnBytes {
		return spec.Errorf(checking, spec.LimitExceeded, "", "keys and values of %s: at most %s", spec.FormatBytes(int64(bytes)), spec.FormatBytes(MaxTxnBytes))
	}
	return nil
}

func (c Condition) check() error {
	if c.Revision < 0 {
		return spec.Errorf(checking, spec.InvalidArgument, Quote(c.Key), "revision %d is negative", c.Revision)
	}
	return CheckKey(c.Key)
}

// CheckKey reports whether any store takes the key: 1 to MaxKeyBytes bytes of any kind.
func CheckKey(key string) error {
	if key == "" {
		return spec.Errorf("check key", spec.InvalidArgument, "", "the key is empty")
	}
	return CheckPrefix(key)
}

// CheckPrefix reports whether any store takes the prefix: up to MaxKeyBytes bytes of any kind.
func CheckPrefix(prefix string) error {
	if len(prefix) > MaxKeyBytes {
		return spec.Errorf("check key", spec.LimitExceeded, Quote(prefix), "it has %d bytes, at most %d", len(prefix), MaxKeyBytes)
	}
	return nil
}

// CheckTTL reports whether any store grants a lease for so long.
func CheckTTL(ttl time.Duration) error {
	if ttl <= 0 || ttl > MaxTTL {
		return spec.Errorf("check lease", spec.InvalidArgument, "", "a TTL of %v: more than 0 and at most %v", ttl, MaxTTL)
	}
	return nil
}

// Quote prints a key in errors: it may have any bytes, and be long.
func Quote(key string) string {
	const enough = 100
	if len(key) > enough {
		return strconv.Quote(key[:enough]) + "..."
	}
	return strconv.Quote(key)
}
