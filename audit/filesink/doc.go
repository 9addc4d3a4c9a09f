// Package filesink keeps the audit trail as JSON lines in append-only, hash-chained segments of one directory, each record
// synced before it is answered for. It will not edit or delete what it has answered for, nor share its directory with
// another writer.
package filesink
