// Package ratelimit counts requests per caller and class in fixed windows, and checks the emergency header that lifts the
// counts. It will not tell callers apart by address, and never widens what a caller may see.
package ratelimit
