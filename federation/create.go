package federation

import (
	"context"
	"time"

	"concord"
	"concord/fhir"
)

// Takes tells whether new resources can be filed at a source that the request may ask.
func (s *Session) Takes(source concord.SourceID) bool {
	return s.source(source) != nil && s.f.opts.Creators[source] != nil
}

// Create files a new resource at one source, once. It goes on to its end within the source's budget even when the caller
// goes away: what is begun at an EHR can't be taken back, and its outcome has to be known. The error is the Outcome's Fault,
// as of Creator.Create; Unsupported when the source takes none.
func (s *Session) Create(source concord.SourceID, t fhir.ResourceType, body []byte) (Created, Outcome, error) {
	began := time.Now()
	o := Outcome{Source: source, Type: t, Status: OK}
	var done Created
	var err error = &concord.Fault{Op: "create", Kind: concord.Unsupported, Source: source}
	if s.Takes(source) {
		c := s.source(source)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), c.About().Budget)
		defer cancel()
		o.Requests, o.Began = 1, began
		done, err = s.create(ctx, source, t, body)
	}
	if err != nil {
		o.failed(err, 0)
		err = o.Fault
	}
	o.Elapsed = time.Since(began)
	s.f.opts.Observe(o)
	return done, o, err
}

// create is one call. A panic of the creator leaves open what was done.
func (s *Session) create(ctx context.Context, source concord.SourceID, t fhir.ResourceType, body []byte) (done Created, err error) {
	defer func() {
		if recover() != nil {
			err = &concord.Fault{Op: "create", Kind: concord.Internal, Source: source, Err: ErrUnsure}
		}
	}()
	return s.f.opts.Creators[source].Create(ctx, t, body)
}
