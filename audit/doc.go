// Package audit is the PHI-free trail of who asked for what: one closed Event per request, durable before the answer
// leaves. It will not hold a name, a birth date, an identifier, a query or a resource's content, and has no field for them.
package audit
