// Package shelf is where gateways put things down for each other for a while: answers that have further pages, and what
// became of a create. It does not know what it keeps, and keeps nothing for longer than it was told.
package shelf
