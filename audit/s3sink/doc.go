// Package s3sink keeps the audit trail as hash-chained objects under object lock in an S3 bucket, each record stored there
// before it is answered for. It will not write without a lock, overwrite or delete an object, nor share its prefix with
// another writer.
package s3sink
