package bulk

import (
	"context"
	"errors"
	"hash/maphash"
	"iter"
	"slices"

	"concord"
	"concord/mpi"
	"concord/mpi/feed"
	"concord/mpi/linkage"
	"concord/mpi/match"
)

// Phase is what an import is at.
type Phase string

// The phases, in their order.
const (
	Known    Phase = "reading what is kept"
	Reading  Phase = "importing"
	Linking  Phase = "linking"
	Storing  Phase = "storing persons"
	Queueing Phase = "queueing for review"
)

// Options say how to import. Keys is needed.
type Options struct {
	// Keys are the blocking keys that a record is kept under.
	Keys func(mpi.Demographics) []uint64
	// Model weighs the pairs; nil has one learnt from all that is kept.
	Model *match.Model
	// Repeats are the sources that may have a person more than once.
	Repeats []concord.SourceID
	// Batch is how many records are stored in one step; 0 is 50,000.
	Batch int
	// Refused is told of every record that is not imported, and of what is odd about one that is; may be nil.
	Refused func(file string, item feed.Item)
	// Progress is told how far the phase is, from one goroutine at a time; may be nil.
	Progress func(p Phase, done int)
}

// File is one to be imported.
type File struct {
	Name  string // how messages name it
	Items iter.Seq[feed.Item]
}

// Report is what an import did. It holds no PHI.
type Report struct {
	Read    int // records of the files, those that were refused among them
	New     int
	Changed int
	Same    int // kept already, and skipped
	Refused int
	Noted   int // imported, with something odd
	Frozen  int // another human's by their looks all at once: not renewed, and queued
	Persons int // that the records are
	Queued  int // pairs that are new in the queue
	Linkage linkage.Report
	Model   *match.Model
}

// Import stores the files' records, links all records that the store keeps, and makes the links the index's. What is kept
// already and says the same is skipped, so that an import that was broken off is simply made again. Errors are the store's,
// and Unsupported when it keeps no demographics. index makes the index over a store, which is the given one behind what the
// import knows of it.
func Import(ctx context.Context, store mpi.Backend, index func(mpi.Backend) *mpi.Index, files []File, o Options) (Report, error) {
	if !store.Keeps() {
		return Report{}, &concord.Fault{Op: "mpi import", Kind: concord.Unsupported}
	}
	if o.Batch <= 0 {
		o.Batch = 50_000
	}
	if o.Refused == nil {
		o.Refused = func(string, feed.Item) {}
	}
	if o.Progress == nil {
		o.Progress = func(Phase, int) {}
	}
	quick := &shortcut{Backend: store}
	im := &importer{store: quick, quick: quick, index: index(quick), direct: index(store), o: o, seed: maphash.MakeSeed(), known: map[concord.PatientRef]trace{}}
	return im.run(ctx, files)
}

// Relink is Import of no files: it links what is kept anew.
func Relink(ctx context.Context, store mpi.Backend, index func(mpi.Backend) *mpi.Index, o Options) (Report, error) {
	return Import(ctx, store, index, nil, o)
}

// importer is an Import under way.
type importer struct {
	store  mpi.Backend
	quick  *shortcut
	index  *mpi.Index // over the shortcut
	direct *mpi.Index
	o      Options
	seed   maphash.Seed
	known  map[concord.PatientRef]trace
	report Report
	moved  []mpi.Demographics // that their source has merged into another
}

// trace is what is remembered of a record.
type trace struct {
	digest uint64
	seen   bool // in this import
}

func (im *importer) run(ctx context.Context, files []File) (Report, error) {
	result, err := linkage.Link(ctx, im.records(ctx, files), linkage.Options{Model: im.o.Model, Repeats: im.o.Repeats})
	if err != nil {
		return im.report, err
	}
	im.report.Linkage, im.report.Model, im.report.Persons = result.Report, result.Model, len(result.Persons)
	if err := im.gather(ctx, result.Persons); err != nil {
		return im.report, err
	}
	for _, d := range im.moved {
		if _, err := im.direct.Observe(ctx, d); err != nil && !errors.Is(err, concord.NotFound) {
			return im.report, err
		}
	}
	if err := im.quick.learnPairs(ctx); err != nil {
		return im.report, err
	}
	return im.report, im.queue(ctx, result)
}

// records are all that is to be linked: what is kept, then what the files say, which is stored on its way.
func (im *importer) records(ctx context.Context, files []File) iter.Seq2[mpi.Demographics, error] {
	return func(yield func(mpi.Demographics, error) bool) {
		for r, err := range im.store.Records(ctx, concord.PatientRef{}) {
			if err != nil {
				yield(mpi.Demographics{}, err)
				return
			}
			im.known[r.Demographics.Ref] = trace{digest: digest(im.seed, r.Demographics)}
			if !yield(r.Demographics, nil) {
				return
			}
			if len(im.known)%10_000 == 0 {
				im.o.Progress(Known, len(im.known))
			}
		}
		w := startWriter(ctx, im.store, im.o.Keys)
		err := im.read(ctx, files, w, yield)
		if ended := w.end(); err == nil {
			err = ended
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(mpi.Demographics{}, err)
			return
		}
		im.o.Progress(Linking, len(im.known))
		im.known = nil
	}
}

// errStopped ends a sequence that nobody wants to go on.
var errStopped = errors.New("stopped")

// read takes the files' records, stores what is new of them, and gives it on.
func (im *importer) read(ctx context.Context, files []File, w *writer, yield func(mpi.Demographics, error) bool) error {
	batch := make([]mpi.Demographics, 0, im.o.Batch)
	for _, f := range files {
		for item := range f.Items {
			im.report.Read++
			d := item.Demographics
			if item.Refused == "" && im.known[d.Ref].seen {
				item = feed.Item{Line: item.Line, Refused: feed.Twice}
			}
			if item.Refused != "" {
				im.report.Refused++
				im.o.Refused(f.Name, item)
				continue
			}
			if item.Note != "" {
				im.report.Noted++
				im.o.Refused(f.Name, item)
			}
			take, err := im.note(ctx, d)
			if err != nil {
				return err
			}
			if !take {
				continue
			}
			if batch = append(batch, d); len(batch) == im.o.Batch {
				if err := w.give(batch); err != nil {
					return err
				}
				batch = make([]mpi.Demographics, 0, im.o.Batch)
				im.o.Progress(Reading, im.report.Read)
			}
			if !yield(d, nil) {
				return errStopped
			}
		}
	}
	im.o.Progress(Reading, im.report.Read)
	return w.give(batch)
}

// note remembers a record of a file, and tells whether it is to be stored.
func (im *importer) note(ctx context.Context, d mpi.Demographics) (take bool, err error) {
	now := trace{digest(im.seed, d), true}
	was, had := im.known[d.Ref]
	im.known[d.Ref] = now
	switch {
	case had && was.digest == now.digest:
		im.report.Same++
		return false, nil
	case d.ReplacedBy != "":
		im.moved = append(im.moved, d)
	}
	if !had {
		im.report.New++
		return true, nil
	}
	kept, err := im.store.Record(ctx, d.Ref)
	if err != nil {
		return false, err
	}
	frozen := false
	p, err := im.store.ByRef(ctx, d.Ref)
	switch {
	case err == nil:
		frozen = slices.ContainsFunc(p.Links, func(l mpi.Link) bool { return l.Ref == d.Ref && l.Frozen })
	case !errors.Is(err, concord.NotFound):
		return false, err
	}
	if frozen || err == nil && mpi.Overlaid(kept.Demographics, d) {
		im.report.Frozen++
		if !frozen {
			_, err = im.direct.Observe(ctx, d)
			return false, err
		}
		return false, nil
	}
	im.report.Changed++
	return true, nil
}
