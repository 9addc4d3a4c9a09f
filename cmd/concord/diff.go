package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"concord"
	"concord/compare"
	"concord/compare/render"
	"concord/fhir"
)

type diffCommand struct {
	Server    string              `help:"The gateway's public URL, or its FHIR base." required:"" placeholder:"URL"`
	TokenFile string              `help:"A file that holds the access token, and nothing else." required:"" placeholder:"FILE"`
	Patient   string              `help:"Whose record: a person's id, or {source}.{id}, with or without Patient/ before it." required:"" placeholder:"REF"`
	Between   []concord.SourceID  `help:"Compare these sources only, two or more." placeholder:"SOURCE"`
	Type      []fhir.ResourceType `help:"Compare these resource types only." placeholder:"TYPE"`
	Since     string              `help:"Leave out events that were over before that date (yyyy, yyyy-mm or yyyy-mm-dd)." placeholder:"DATE"`
	Only      string              `help:"List only conflicts (copies that disagree), or only what is missing somewhere." placeholder:"conflicts|missing" enum:",conflicts,missing" default:""`
	Partial   bool                `help:"Compare even if a source did not answer; the report says what it could not know."`
	Format    string              `help:"text, json, markdown or html." enum:"text,json,markdown,html" default:"text" placeholder:"FORMAT"`
	Output    string              `help:"Write the report to a file that only you can read, instead of standard output." short:"o" placeholder:"FILE"`
}

// Help is what the help has behind the flags.
func (*diffCommand) Help() string {
	return `Compares one patient's record across EHRs and says, worst first (allergies, active medications and problems, then the
rest), in which sources each event is, which it is missing from, and in which elements its copies disagree.

The running gateway does the work, so the token's scopes and the audit trail apply. A source that does not answer makes the
comparison fail, since what it holds can't be told from what it lacks; --partial compares the others.

Exit status:
  0  no differences
  1  differences
  2  trouble: nothing was compared, and standard error says why

Environment:
  NO_COLOR  no colours, also on a terminal
  COLUMNS   the width of the text where there is no terminal to ask; otherwise 80

Examples:
  concord diff --server https://hie.example.org --token-file token --patient epic.abc
  concord diff --server $URL --token-file token --patient $ID --between epic,cerner --type AllergyIntolerance
  concord diff --server $URL --token-file token --patient $ID --only missing --format html -o report.html

The report is clinical data. Standard error holds none of it.`
}

// Run compares.
func (c *diffCommand) Run(ctx context.Context) error {
	q, err := c.question()
	if err != nil {
		return err
	}
	token, err := readToken(c.TokenFile)
	if err != nil {
		return err
	}
	done := progress(os.Stderr, "comparing")
	report, err := ask(ctx, q, token)
	done()
	if err != nil {
		return err
	}
	if err := c.write(report); err != nil {
		return err
	}
	if report.Differs() {
		return exit(1)
	}
	return nil
}

// question is the URL of the operation. Its errors say nothing of the patient.
func (c *diffCommand) question() (*url.URL, error) {
	u, err := serverURL(c.Server)
	if err != nil {
		return nil, err
	}
	id := strings.TrimPrefix(c.Patient, "Patient/")
	if !fhir.LegalID(id) {
		return nil, errors.New("--patient: not an id; a person's id or {source}.{id} is one")
	}
	v := url.Values{}
	set := func(flag, key, value string) {
		if err != nil || value == "" {
			return
		}
		if _, bad := new(compare.Options).Set(key, value); bad != nil {
			err = errors.New("--" + flag + ": " + bad.Error())
			return
		}
		v.Set(key, value)
	}
	set("between", "source", list(c.Between))
	set("type", "_type", list(c.Type))
	set("since", "_since", c.Since)
	set("only", "mode", c.Only)
	if c.Partial {
		v.Set("partial", "true")
	}
	if err == nil && len(c.Between) == 1 {
		err = errors.New("--between: " + compare.ErrSources.Error())
	}
	u = u.JoinPath("Patient", id, "$compare")
	u.RawQuery = v.Encode()
	return u, err
}

func list[T ~string](all []T) string {
	s := make([]string, len(all))
	for i, x := range all {
		s[i] = string(x)
	}
	return strings.Join(s, ",")
}

// write renders the report, all of it or nothing.
func (c *diffCommand) write(r compare.Report) error {
	var b bytes.Buffer
	var err error
	switch c.Format {
	case "json":
		err = render.JSON(&b, r)
	case "markdown":
		err = render.Markdown(&b, r)
	case "html":
		err = render.HTML(&b, r)
	default:
		o := render.TextOptions{Width: columns(os.Stdout)}
		o.Color = c.Output == "" && colors(os.Stdout)
		if c.Output != "" {
			o.Width = 80
		}
		err = render.Text(&b, r, o)
	}
	if err != nil {
		return err
	}
	if c.Output == "" {
		_, err = io.Copy(os.Stdout, &b)
		return err
	}
	return writePrivate(c.Output, b.Bytes())
}

// writePrivate puts a file in the place of name that only its owner may read, as a whole or not at all.
func writePrivate(name string, b []byte) error {
	if err := os.WriteFile(name+".part", b, 0o600); err != nil {
		return fileError("--output", err)
	}
	if err := os.Chmod(name+".part", 0o600); err != nil {
		return fileError("--output", err)
	}
	if err := os.Rename(name+".part", name); err != nil {
		return errors.Join(fileError("--output", err), os.Remove(name+".part"))
	}
	return nil
}

// fileError says what went wrong with a file and not with which: its name may be a patient's.
func fileError(flag string, err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return errors.New(flag + ": " + p.Err.Error())
	}
	var l *os.LinkError
	if errors.As(err, &l) {
		return errors.New(flag + ": " + l.Err.Error())
	}
	return errors.New(flag + ": " + err.Error())
}

// compareTimeout bounds the whole question: a gateway answers within its slowest source's budget.
const compareTimeout = 2 * time.Minute
