// Package s3 spills to a bucket of a service that speaks the S3 protocol: a [spill.Target].
//
// A file is an object of the bucket under the prefix, which belongs to one node: what is there when it is opened is of a
// process that is gone, and is removed.
//
// What it is not: it makes no bucket, and keeps nothing beyond the session.
package s3
