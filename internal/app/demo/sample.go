package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// sample finds a patient whom all EHRs know, by asking the gateway as anybody would.
func (d *Demo) sample(ctx context.Context) error {
	token, err := d.Issuer.Token(d.Issuer.Claims(d.URL+"/fhir/r4", "user/*.rs").With("exp", time.Now().Add(tokenLife).Unix()))
	if err != nil {
		return err
	}
	d.Sample.Token = token
	most := 0
	for _, p := range d.World.Population.Persons {
		if len(p.Copies) <= most {
			continue
		}
		c := p.Copies[0]
		found, known, err := d.find(ctx, string(c.Source)+"."+c.ID)
		if err != nil {
			return err
		}
		if known > most {
			found.Token = token
			most, d.Sample = known, found
		}
		if most == len(d.World.EHRs) {
			return nil
		}
	}
	if most == 0 {
		return errors.New("no patient is known to any EHR")
	}
	return nil
}

// find is the person that a source's patient is, and by how many sources it is known.
func (d *Demo) find(ctx context.Context, patient string) (s Sample, sources int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, d.URL+"/fhir/r4/Patient?_id="+url.QueryEscape(patient), nil)
	if err != nil {
		return Sample{}, 0, err
	}
	r.Header.Set("Authorization", "Bearer "+d.Sample.Token)
	client := d.HTTPClient()
	client.Timeout = 30 * time.Second
	a, err := client.Do(r)
	if err != nil {
		return Sample{}, 0, err
	}
	defer func() { err = errors.Join(err, a.Body.Close()) }()
	var b struct {
		Entry []struct {
			Resource struct {
				ResourceType, ID, BirthDate string
				Name                        []struct {
					Family string
					Given  []string
				}
				Link []struct{ Type string }
			}
		}
	}
	if a.StatusCode != http.StatusOK {
		return Sample{}, 0, fmt.Errorf("the gateway answered %s", a.Status)
	}
	if err := json.NewDecoder(a.Body).Decode(&b); err != nil {
		return Sample{}, 0, err
	}
	for _, e := range b.Entry {
		if e.Resource.ResourceType != "Patient" {
			continue
		}
		for _, l := range e.Resource.Link {
			if l.Type == "seealso" {
				sources++
			}
		}
		s = Sample{Person: e.Resource.ID, Birth: e.Resource.BirthDate}
		for _, n := range e.Resource.Name[:min(1, len(e.Resource.Name))] {
			s.Family = n.Family
			s.Name = strings.Join(append(n.Given, n.Family), " ")
		}
		return s, sources, nil
	}
	return Sample{}, 0, nil // one that its own source does not give, such as a record that was merged into another
}

// Describe tells a person what to do next. All that it prints can be pasted into a shell.
func (d *Demo) Describe(w io.Writer) error {
	var b strings.Builder
	p := func(format string, a ...any) { fmt.Fprintf(&b, format+"\n", a...) }
	curl := "curl -s"
	if d.mutual != nil {
		curl = d.mutual.curl()
	}
	p("Concord is up. One record out of three EHRs:")
	p("")
	for _, e := range d.World.EHRs {
		p("  %-8s %s", e.Source(), e.URL())
	}
	p("  %-8s %s/fhir/r4", "concord", d.URL)
	p("  %-8s %s (healthz, readyz, metrics)", "admin", d.Admin)
	p("  %-8s %s", "issuer", d.Issuer.URL())
	p("")
	p("In a browser: %s/ (the sample patient is %s, born %s)", d.URL, d.Sample.Name, d.Sample.Birth)
	p("")
	p("In a shell, paste this, then the commands below:")
	p("")
	p("export CONCORD=%s/fhir/r4", d.URL)
	p("export PATIENT=%s", d.Sample.Person)
	p("export TOKEN=%s", d.Sample.Token)
	p("")
	p("# one person, and the records that were recognised as this person's")
	p("%s", curl+` -H "Authorization: Bearer $TOKEN" "$CONCORD/Patient/$PATIENT"`)
	p("")
	p("# one merged Bundle; each entry's meta says which copies it stands for")
	p("%s", curl+` -H "Authorization: Bearer $TOKEN" "$CONCORD/Observation?patient=$PATIENT&category=laboratory&_count=5"`)
	p("")
	p("# the whole chart")
	p("%s", curl+` -H "Authorization: Bearer $TOKEN" "$CONCORD/Patient/$PATIENT/\$everything"`)
	p("")
	p("# pull the plug of one EHR: the Bundle itself says what is missing now")
	p("curl -s -X POST %s/ehr/cerner/stop", d.Control)
	p("%s", curl+` -D- -H "Authorization: Bearer $TOKEN" "$CONCORD/Condition?patient=$PATIENT"`)
	p("curl -s -X POST %s/ehr/cerner/start", d.Control)
	p("")
	p("# an editor for GraphQL, in a browser, with the token: %s/graphiql", d.URL)
	p("")
	p("The token sees everything and holds for an hour. Ctrl-C ends the demo and leaves nothing behind.")
	_, err := io.WriteString(w, b.String())
	return err
}
