package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"concord/compare"
	"concord/fhir"
)

// serverURL is the FHIR base of a gateway that is named by it or by its public URL.
func serverURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("--server: not a URL like https://hie.example.org")
	}
	switch {
	case u.Scheme == "https":
	case u.Scheme == "http" && loopback(u.Hostname()):
	default:
		return nil, errors.New("--server: a token goes over https only, or to this machine")
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	if !strings.HasSuffix(u.Path, "/fhir/r4") {
		u.Path += "/fhir/r4"
	}
	return u, nil
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// maxToken bounds a token file.
const maxToken = 64 << 10

// readToken reads the token. Its errors hold nothing of it.
func readToken(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", fileError("--token-file", err)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxToken+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return "", fileError("--token-file", err)
	}
	t := strings.TrimSpace(string(b))
	switch {
	case t == "":
		return "", errors.New("--token-file: the file is empty")
	case len(b) > maxToken, strings.ContainsFunc(t, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", errors.New("--token-file: the file does not hold an access token, and nothing else")
	}
	return t, nil
}

// maxReport bounds what is read of an answer.
const maxReport = 64 << 20

// ask sends the question and reads the report. Its errors are for people, and hold nothing of the patient.
func ask(ctx context.Context, u *url.URL, token string) (compare.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, compareTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return compare.Report{}, errors.New("--server: not a URL that can be asked")
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/fhir+json")
	client := &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: compareTimeout, ForceAttemptHTTP2: true, DisableKeepAlives: true,
		},
		// a token goes to whom it was given for
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return compare.Report{}, unreachable(ctx, err)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxReport+1))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return compare.Report{}, unreachable(ctx, err)
	}
	if resp.StatusCode != http.StatusOK {
		return compare.Report{}, refusal(resp, body, u)
	}
	r, err := compare.Decode(body)
	if err != nil || len(body) > maxReport {
		return compare.Report{}, errors.New("the server answered with something that is no comparison; is --server a gateway that offers $compare?")
	}
	return r, nil
}

// unreachable says why there is no answer, without the URL, which names the patient.
func unreachable(ctx context.Context, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return errors.New("interrupted")
	case ctx.Err() != nil:
		return errors.New("the gateway did not answer in time")
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return errors.New("the gateway's name can't be resolved")
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return errors.New("the gateway can't be reached: " + op.Err.Error())
	}
	return errors.New("the gateway can't be reached: " + err.Error())
}

// refusal is what an error answer says: the status and the issues of its OperationOutcome.
func refusal(resp *http.Response, body []byte, u *url.URL) error {
	lines := []string{explain(resp)}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if o, err := fhir.Parse(body, fhir.Limits{}); err == nil && o.Type() == fhir.TypeOperationOutcome && strings.HasSuffix(kind, "json") {
		for _, s := range issues(o, u) {
			lines = append(lines, "  "+s)
		}
	}
	return errors.New(strings.Join(lines, "\n"))
}

var insufficientScope = regexp.MustCompile(`scope="([a-zA-Z0-9_./*?=&| :-]{1,200})"`)

func explain(resp *http.Response) string {
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		return "the gateway does not accept the token (HTTP 401): it may have run out"
	case http.StatusForbidden:
		if m := insufficientScope.FindStringSubmatch(resp.Header.Get("WWW-Authenticate")); m != nil {
			return "the token does not cover this (HTTP 403); it would take the scope " + m[1]
		}
		return "the token does not cover this (HTTP 403)"
	case http.StatusNotFound:
		return "no such patient, or no gateway that offers $compare (HTTP 404)"
	case http.StatusTooManyRequests:
		if s := resp.Header.Get("Retry-After"); s != "" && len(s) < 6 && strings.Trim(s, "0123456789") == "" {
			return "too many requests (HTTP 429); try again in " + s + " s"
		}
		return "too many requests (HTTP 429); try again later"
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return fmt.Sprintf("nothing was compared, for want of answers (HTTP %d); --partial compares what there is", resp.StatusCode)
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		return fmt.Sprintf("the server sends us elsewhere (HTTP %d), where the token does not go; is --server right?", resp.StatusCode)
	}
	return fmt.Sprintf("the gateway refused (HTTP %d)", resp.StatusCode)
}

// issues are the issues of an outcome, a line for each: which source, what is wrong, and of which types. Should a server
// repeat the patient's id, it goes no further.
func issues(o fhir.Resource, u *url.URL) (out []string) {
	on := map[string][]string{}
	for i := range o.Get("issue").Items() {
		line := clean(i.Path("details", "text").Text(), u)
		if line == "" {
			line = clean(i.Get("code").Text(), u)
		}
		for c := range i.Path("details", "coding").Items() {
			if c.Get("system").Is("urn:concord:source") {
				line = clean(c.Get("code").Text(), u) + ": " + line
			}
		}
		if !slices.Contains(out, line) {
			out = append(out, line)
		}
		for e := range i.Get("expression").Items() {
			on[line] = append(on[line], clean(e.Text(), u))
		}
	}
	for i, line := range out {
		switch n := len(on[line]); {
		case n > 4:
			out[i] += fmt.Sprintf(" (%d resource types)", n)
		case n > 0:
			out[i] += " (" + strings.Join(on[line], ", ") + ")"
		}
	}
	return out
}

func clean(s string, u *url.URL) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, s)
	if parts := strings.Split(u.Path, "/"); len(parts) > 2 {
		id := parts[len(parts)-2]
		s = strings.ReplaceAll(s, id, "[patient]")
		if _, local, ok := strings.Cut(id, "."); ok && len(local) > 2 {
			s = strings.ReplaceAll(s, local, "[patient]")
		}
	}
	if r := []rune(s); len(r) > 200 {
		s = string(r[:200]) + "…"
	}
	return s
}
