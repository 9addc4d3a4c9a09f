// Package sqlstore keeps a master patient index in a SQLite file, which survives a power cut and may be shared by several
// processes of one machine, or in PostgreSQL, which may be shared by several gateways. It decides nothing about who is who.
//
// # What is at rest
//
// Encrypted, by AES-256-GCM and row by row: the patients' ids at the sources, whatever links, decisions, events and reviews
// say of them, the demographics that matching and review need, and the ids that stand-ins stand for. Each row names the
// key that it is encrypted with, and is bound to its place, so that no row can be put in another's.
//
// As HMAC-SHA256 digests, which can be looked up and not turned back without the key: each patient's source and id, each
// reviewed pair, and the blocking keys.
//
// Clear: the persons' ids and versions, which are random and mean nothing outside; names of sources; times; the kinds,
// rules and numbers of events and reviews, and who made them; and the public ids of stand-ins. How many records share a
// blocking key can be seen, and not which key that is.
//
// # Keys
//
// A key file has one key a line, "name base64", each of 32 random bytes; empty lines and those that begin with # are
// skipped. The first encrypts what is written, all decrypt what is read. To rotate, put a new key last and give the file to
// every gateway; then put it first, give them that, and call Store.Rekey; then the old key can go. A store that was written with a key is not opened without.
// Without a key, links work and are as clear as the file or the database is; demographics are refused, and with them all
// that needs them: import, review of values, and noticing of overlaid records. A store that has clear rows is encrypted
// when it is first opened with a key. PostgreSQL keeps what rows were before until it is vacuumed, and in its backups.
package sqlstore
