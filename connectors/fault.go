package connectors

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"

	"concord"
)

// Ops of the faults of this package.
const (
	opSearch = "search"
	opRead   = "read"
	opToken  = "token"
)

// Causes within a Fault, for operators. What net/http says itself would hold the URL, or bytes of the answer.
var (
	errRefused  = errors.New("connection refused")
	errReset    = errors.New("connection closed by the source")
	errName     = errors.New("host name not found")
	errTLS      = errors.New("TLS: certificate or handshake refused")
	errNetwork  = errors.New("network error")
	errCut      = errors.New("the body is cut off")
	errRedirect = errors.New("a redirect, which is not followed")
	errNext     = errors.New("a next link that leads away from the source")
	errLoop     = errors.New("a next link that came before")
	errPages    = errors.New("more pages than the limit")
	errMore     = errors.New("the source says that it has more")
	errNotSet   = errors.New("not a searchset")
	errOther    = errors.New("another resource than the one asked for")
	errOutcome  = errors.New("the source's own outcome")
	errQuota    = errors.New("a quota of one kind of data is used up")
	errPanic    = errors.New("a panic while reading the answer")
)

// kindOfStatus is the kind of an HTTP status other than 200. search tells a missing type (404 on a search) from a
// missing resource.
func kindOfStatus(status int, search bool) concord.Kind {
	switch status {
	case http.StatusUnauthorized:
		return concord.Unauthorized
	case http.StatusForbidden:
		return concord.Forbidden
	case http.StatusNotFound, http.StatusGone:
		if search {
			return concord.Unsupported
		}
		return concord.NotFound
	case http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusNotImplemented:
		return concord.Unsupported
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return concord.Timeout
	case http.StatusTooManyRequests:
		return concord.RateLimited
	case http.StatusBadGateway, http.StatusServiceUnavailable:
		return concord.Unavailable
	}
	switch {
	case status >= 500:
		return concord.Internal
	case status >= 400:
		return concord.Invalid
	}
	return concord.Malformed // a redirect, or a success without a body to read
}

// kindOfIssue is the kind of an OperationOutcome's issue (http://hl7.org/fhir/R4/valueset-issue-type.html) whose severity
// is error or fatal. Only what a source can recover from by itself gives a kind that a guard counts.
func kindOfIssue(code string) concord.Kind {
	switch code {
	case "security", "forbidden", "suppressed":
		return concord.Forbidden
	case "login", "expired", "unknown":
		return concord.Unauthorized
	case "not-supported":
		return concord.Unsupported
	case "not-found", "deleted":
		return concord.NotFound
	case "throttled":
		return concord.RateLimited
	case "timeout":
		return concord.Timeout
	case "transient", "lock-error", "no-store":
		return concord.Unavailable
	case "exception":
		return concord.Internal
	case "incomplete":
		return concord.Incomplete
	}
	return concord.Invalid
}

// kindOfError is the kind of an error of net/http or of a body, and a cause that holds nothing of either.
func kindOfError(ctx context.Context, err error) (concord.Kind, error) {
	switch e := ctx.Err(); {
	case errors.Is(e, context.Canceled):
		return concord.Canceled, context.Canceled
	case e != nil, errors.Is(err, context.DeadlineExceeded):
		return concord.Timeout, context.DeadlineExceeded
	}
	var network net.Error
	var name *net.DNSError
	switch {
	case errors.Is(err, errBusy):
		return concord.RateLimited, errBusy
	case errors.Is(err, errTooLong):
		return concord.Malformed, errTooLong
	case errors.As(err, &name):
		return concord.Unavailable, errName
	case errors.As(err, &network) && network.Timeout():
		return concord.Timeout, errNetwork
	case errors.Is(err, syscall.ECONNREFUSED):
		return concord.Unavailable, errRefused
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
		return concord.Unavailable, errReset
	case errors.Is(err, io.ErrUnexpectedEOF):
		return concord.Malformed, errCut
	case isTLS(err):
		return concord.Unavailable, errTLS
	}
	return concord.Unavailable, errNetwork
}

// isTLS tells whether err is one that asking again can't mend.
func isTLS(err error) bool {
	var (
		verify    *tls.CertificateVerificationError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		header    tls.RecordHeaderError
		alert     tls.AlertError
	)
	return errors.As(err, &verify) || errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid) ||
		errors.As(err, &header) || errors.As(err, &alert)
}

// outcomeCause is the cause of a fault that a vendor's own outcome made. A quota in the vendor's own words is for one kind
// of data, and says nothing of the rest.
func outcomeCause(v verdict) error {
	if v.own && v.failed == concord.RateLimited {
		return errQuota
	}
	return errOutcome
}

// incomplete is f for a search of which something was read before.
func incomplete(f *concord.Fault) *concord.Fault {
	if f.Kind == concord.Incomplete {
		return f
	}
	return &concord.Fault{Op: f.Op, Kind: concord.Incomplete, Source: f.Source, Status: f.Status, RetryAfter: f.RetryAfter, Err: f}
}

// cause is the fault that made f incomplete, or f itself.
func cause(f *concord.Fault) *concord.Fault {
	var inner *concord.Fault
	if f.Kind == concord.Incomplete && errors.As(f.Err, &inner) {
		return inner
	}
	return f
}
