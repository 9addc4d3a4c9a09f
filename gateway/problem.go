package gateway

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"concord"
	"concord/federation"
	"concord/fhir"
	"concord/mpi"
)

// issue is one issue of an OperationOutcome. Its texts are ours; none holds PHI or anything that a source or a client
// sent.
type issue struct {
	severity string           // fatal, error, warning or information
	code     string           // http://hl7.org/fhir/issue-type
	source   concord.SourceID // which source it is about; "" for none
	text     string
	on       fhir.ResourceType // the resource type that it is about; "" for none
	param    string            // the name of a parameter that it is about, if it is one that R4 knows; "" for none
}

// problem is a refusal: what the client gets instead of an answer.
type problem struct {
	status     int
	issues     []issue
	retryAfter time.Duration // 0: none is told
	challenge  string        // WWW-Authenticate
	lacks      error         // of a 403: what the grant lacks
}

// refuse is a problem of one issue.
func refuse(status int, code, text string) *problem {
	return &problem{status: status, issues: []issue{{severity: "error", code: code, text: text}}}
}

func notFound(text string) *problem { return refuse(http.StatusNotFound, "not-found", text) }

// appendOutcome appends an OperationOutcome of the issues.
func appendOutcome(dst []byte, issues []issue) []byte {
	dst = append(dst, `{"resourceType":"OperationOutcome","issue":[`...)
	for i, x := range issues {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"severity":"`+x.severity+`","code":"`+x.code+`"`...)
		if x.source != "" || x.text != "" {
			dst = append(dst, `,"details":{`...)
			if x.source != "" {
				dst = append(dst, `"coding":[{"system":"urn:concord:source","code":"`+string(x.source)+`"}]`...)
				if x.text != "" {
					dst = append(dst, ',')
				}
			}
			if x.text != "" {
				dst = append(dst, `"text":`...)
				dst = fhir.AppendString(dst, x.text)
			}
			dst = append(dst, '}')
		}
		if x.param != "" {
			dst = append(dst, `,"expression":[`...)
			dst = append(fhir.AppendString(dst, "http."+x.param), ']')
		} else if x.on != "" {
			dst = append(dst, `,"expression":["`+string(x.on)+`"]`...)
		}
		dst = append(dst, '}')
	}
	return append(dst, `]}`...)
}

// issueCode is how a fault of a source is told.
func issueCode(k concord.Kind) string {
	switch k {
	case concord.Timeout, concord.Canceled:
		return "timeout"
	case concord.Unavailable:
		return "transient"
	case concord.RateLimited:
		return "throttled"
	case concord.Forbidden, concord.Unauthorized:
		return "forbidden"
	case concord.Incomplete, concord.Moved:
		return "incomplete"
	case concord.Unsupported:
		return "not-supported"
	}
	return "exception"
}

// ofFault is the problem that a fault makes when nothing else can be answered: the one place where a Kind becomes an
// HTTP status.
func ofFault(err error) *problem {
	var f *concord.Fault
	if !errors.As(err, &f) {
		f = &concord.Fault{Op: "answer", Kind: concord.KindOf(err)}
	}
	if f.Source != "" {
		return ofSource(f)
	}
	var split *mpi.Gone
	switch f.Kind {
	case concord.NotFound:
		if errors.As(err, &split) { // into whom is not told: that two people were taken for one is nothing for either of them
			return refuse(http.StatusGone, "deleted", "this id names nobody any more; look for the person again")
		}
		return notFound("no such resource")
	case concord.Forbidden:
		return refuse(http.StatusForbidden, "forbidden", "not allowed")
	case concord.Unauthorized:
		return unauthorized()
	case concord.Invalid, concord.Malformed:
		return refuse(http.StatusBadRequest, "invalid", "the request can't be understood")
	case concord.Unavailable, concord.Conflict:
		p := refuse(http.StatusServiceUnavailable, "transient", "try again")
		p.retryAfter = time.Second
		return p
	case concord.Timeout, concord.Canceled:
		return refuse(http.StatusGatewayTimeout, "timeout", "the answer took too long")
	case concord.Unsupported:
		return refuse(http.StatusNotImplemented, "not-supported", "not offered")
	}
	return refuse(http.StatusInternalServerError, "exception", "something went wrong here")
}

// fault is a problem of a part of an answer, for whom the whole may go on without it.
func (p *problem) fault() *concord.Fault {
	f := &concord.Fault{Op: "answer", Kind: concord.Internal, RetryAfter: p.retryAfter, Err: p.lacks}
	switch p.status {
	case http.StatusForbidden:
		f.Kind = concord.Forbidden
	case http.StatusNotFound, http.StatusGone:
		f.Kind = concord.NotFound
	case http.StatusBadRequest:
		f.Kind = concord.Invalid
	case http.StatusNotImplemented:
		f.Kind = concord.Unsupported
	case http.StatusBadGateway:
		f.Kind = concord.Malformed
	case http.StatusServiceUnavailable:
		f.Kind = concord.Unavailable
	case http.StatusGatewayTimeout:
		f.Kind = concord.Timeout
	}
	return f
}

// ofCreate is the problem of a create that was not done, or of which nobody knows whether it was.
func ofCreate(err error) *problem {
	f := faultIn(err)
	if f == nil || f.Source == "" {
		return ofFault(err)
	}
	p := ofSource(f)
	switch {
	case errors.Is(err, federation.ErrUnsure):
		p.retryAfter = 0 // doing it again may do it twice
		p.issues[0].text = "whether the source filed the resource is not known: search for it before it is sent again"
		if p.issues[0].code == "transient" {
			p.issues[0].code = "exception"
		}
	case f.Kind == concord.Invalid, f.Kind == concord.Conflict, f.Kind == concord.NotFound:
		return &problem{status: http.StatusUnprocessableEntity, issues: []issue{{severity: "error", code: "processing", source: f.Source, text: "the source refuses this resource"}}}
	case f.Kind == concord.Unsupported:
		p.status = http.StatusNotImplemented
	}
	return p
}

// ofSource is the problem when one source's failure is the request's.
func ofSource(f *concord.Fault) *problem {
	p := &problem{issues: []issue{{severity: "error", code: issueCode(f.Kind), source: f.Source, text: kindText(f.Kind)}}}
	switch f.Kind {
	case concord.NotFound, concord.Moved:
		return notFound("no such resource at the source")
	case concord.Timeout, concord.Canceled:
		p.status = http.StatusGatewayTimeout
	case concord.Unavailable, concord.RateLimited:
		p.status = http.StatusServiceUnavailable
		p.retryAfter = max(f.RetryAfter, time.Second)
	default:
		p.status = http.StatusBadGateway
	}
	return p
}

// kindText says in words what became of a source.
func kindText(k concord.Kind) string {
	switch k {
	case concord.Timeout, concord.Canceled:
		return "the source did not answer in time"
	case concord.Unavailable:
		return "the source can't be reached, or was not asked because it has failed"
	case concord.RateLimited:
		return "the source takes no more requests for now"
	case concord.Forbidden, concord.Unauthorized:
		return "the source does not let us read this"
	case concord.Incomplete:
		return "only part of what the source holds could be read"
	case concord.Moved:
		return "the source has merged this patient's record into another"
	case concord.Unsupported:
		return "the source can't be asked for this"
	case concord.Malformed:
		return "the source's answer can't be read"
	}
	return "the source failed"
}

func unauthorized() *problem {
	p := refuse(http.StatusUnauthorized, "login", "a valid access token is needed")
	p.challenge = `Bearer realm="concord", error="invalid_token"`
	return p
}

// retryAfter is seconds, rounded up.
func retryAfter(d time.Duration) string {
	return strconv.Itoa(int((d + time.Second - 1) / time.Second))
}
