// Package portal is what a browser shows of a gateway: pages and their scripts, all of them embedded. It is a client of the
// gateway's public API like any other, with the user's own token: it knows no patient, and has no way round scopes or trail.
package portal
