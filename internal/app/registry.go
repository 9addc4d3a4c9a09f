package app

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"concord"
	"concord/audit"
	"concord/internal/config"
	"concord/internal/obs"
	"concord/mpi"
	"concord/mpi/match"
)

// Registry is the patient index for who works on it without a gateway: the commands. Close ends it.
type Registry struct {
	Index *mpi.Index
	Over  func(mpi.Backend) *mpi.Index // makes the index over a store
	Store mpi.Backend
	// Model is what is known of the site's data. It may be shared with a gateway.
	Model *ModelFile

	cfg    *config.Config
	closer func() error
}

// ErrMemory is the error of OpenRegistry for an index that is kept in memory, of which a command has nothing.
var ErrMemory = errors.New("mpi.store is memory:, which no other process sees")

// OpenRegistry opens the index of a configuration, beside the gateway if one runs.
func OpenRegistry(ctx context.Context, cfg *config.Config) (*Registry, error) {
	if cfg.MPI.Store.Kind == config.IndexMemory {
		return nil, ErrMemory
	}
	store, closer, err := openStore(ctx, cfg.MPI)
	if err != nil {
		return nil, err
	}
	return &Registry{Index: indexOver(cfg)(store), Over: indexOver(cfg), Store: store, Model: NewModelFile(cfg.MPI.ModelFile), cfg: cfg, closer: closer}, nil
}

func indexOver(cfg *config.Config) func(mpi.Backend) *mpi.Index {
	return func(s mpi.Backend) *mpi.Index {
		return mpi.NewIndex(s).WithKeys(BlockingKeys).WithRepeats(cfg.MPI.Repeats...)
	}
}

// Close frees the store.
func (r *Registry) Close() error { return r.closer() }

// Trail is the audit trail, if nobody else has it: it has one writer. held is true when a gateway has it.
func (r *Registry) Trail(ctx context.Context) (t *audit.Trail, closer func() error, held bool, err error) {
	a := &App{log: obs.NewLogger(io.Discard), reg: prometheus.NewRegistry()}
	t, err = a.openTrail(ctx, r.cfg)
	if err != nil {
		_ = a.Close()
		return nil, nil, errors.Is(err, concord.Conflict), err
	}
	return t, a.Close, false, nil
}

// ModelFile is a file with a model. It is safe for concurrent use, and sees what another process writes.
type ModelFile struct {
	path string

	mu    sync.Mutex
	read  time.Time // of the file that was read
	size  int64
	model *match.Model
	kept  bool
}

// storedModel is the file's content; it holds no PHI.
type storedModel struct {
	Kept  bool         `json:"kept"` // imports use it too, and learn none of their own
	Model *match.Model `json:"model"`
}

// NewModelFile is that of a path; "" is no file.
func NewModelFile(path string) *ModelFile { return &ModelFile{path: path} }

// Path is where it is; "" for nowhere.
func (f *ModelFile) Path() string { return f.path }

// Load is the model in the file, nil when there is none, and whether it was learnt to be kept. A file that can't be read is an
// error, and what was read before stays.
func (f *ModelFile) Load() (m *match.Model, kept bool, err error) {
	if f.path == "" {
		return nil, false, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.path)
	if errors.Is(err, os.ErrNotExist) {
		f.model, f.kept = nil, false
		return nil, false, nil
	}
	if err != nil {
		return f.model, f.kept, err
	}
	if f.model != nil && info.ModTime().Equal(f.read) && info.Size() == f.size {
		return f.model, f.kept, nil
	}
	b, err := os.ReadFile(f.path)
	if err != nil {
		return f.model, f.kept, err
	}
	var s storedModel
	if err := json.Unmarshal(b, &s); err != nil || s.Model == nil {
		return f.model, f.kept, &concord.Fault{Op: "read model", Kind: concord.Malformed, Err: err}
	}
	f.model, f.kept, f.read, f.size = s.Model, s.Kept, info.ModTime(), info.Size()
	return f.model, f.kept, nil
}

// Current is the model to weigh by now: the file's, or what holds without one.
func (f *ModelFile) Current() *match.Model {
	m, _, _ := f.Load() // a file that can't be read leaves what was read before
	if m == nil {
		return match.Default()
	}
	return m
}

// Save puts a model into the file, as a whole or not at all. kept says that imports are to use it.
func (f *ModelFile) Save(m *match.Model, kept bool) error {
	if f.path == "" {
		return nil
	}
	b, err := json.Marshal(storedModel{kept, m})
	if err != nil {
		return err
	}
	part, err := os.CreateTemp(filepath.Dir(f.path), filepath.Base(f.path)+".*")
	if err != nil {
		return err
	}
	_, err = part.Write(append(b, '\n'))
	err = errors.Join(err, part.Sync(), part.Close())
	if err == nil {
		err = os.Rename(part.Name(), f.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(part.Name()))
	}
	return nil
}

// Repeats are the sources that may have a person more than once, as they are configured.
func (r *Registry) Repeats() []concord.SourceID {
	return append([]concord.SourceID(nil), r.cfg.MPI.Repeats...)
}
