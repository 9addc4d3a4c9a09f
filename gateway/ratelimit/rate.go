package ratelimit

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"concord"
)

// Class is what a request counts as, from a closed set. The zero value is no class.
type Class uint8

// The classes.
const (
	NoClass    Class = iota
	Read             // reads and searches, per tenant and user or client
	Write            // create, update and delete, per tenant and user or client
	Bulk             // $export kick-offs, per tenant
	Hook             // CDS Hooks calls, per tenant and client
	Validation       // $validate, per tenant and user or client
)

var classNames = [...]string{"none", "read", "write", "bulk", "hook", "validation"}

// String is the class's name, fit for a metric's label.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return classNames[NoClass]
}

// Rate is so many requests in each window. The zero value allows nothing.
type Rate struct {
	Limit  int           // requests a window; positive
	Window time.Duration // positive
}

var units = [...]struct {
	name string
	span time.Duration
}{{"second", time.Second}, {"minute", time.Minute}, {"hour", time.Hour}, {"day", 24 * time.Hour}}

// ParseRate reads a rate such as "600/minute": a whole number from 1 to a thousand million, and second, minute, hour or
// day. Anything else is Invalid.
func ParseRate(s string) (Rate, error) {
	number, unit, _ := strings.Cut(s, "/")
	n, err := strconv.ParseUint(number, 10, 31)
	if err == nil && number[0] != '0' && n <= 1e9 {
		for _, u := range units {
			if u.name == unit {
				return Rate{Limit: int(n), Window: u.span}, nil
			}
		}
	}
	return Rate{}, &concord.Fault{Op: "rate limit", Kind: concord.Invalid,
		Err: errors.New("a rate is a positive number, a slash, and second, minute, hour or day")}
}

// String is the rate as ParseRate reads it, when its window is one of ParseRate's.
func (r Rate) String() string {
	for _, u := range units {
		if u.span == r.Window {
			return strconv.Itoa(r.Limit) + "/" + u.name
		}
	}
	return strconv.Itoa(r.Limit) + "/" + r.Window.String()
}

func (r Rate) valid() bool { return r.Limit > 0 && r.Window > 0 }
