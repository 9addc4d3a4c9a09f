//go:build unix

package servers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Postgres is a PostgreSQL server that starts when the first test asks for a database. Make one in TestMain, or as a
// variable of the test package, and Stop it when the tests have run. The zero value is ready.
type Postgres struct {
	once sync.Once
	none string // why there is none
	err  error
	dir  string
	port int
	proc *exec.Cmd // nil while it is down
	up   func() error

	mu  sync.Mutex
	dbs int
}

// startLimit is how long the server may take to answer.
const startLimit = 60 * time.Second

// Database is the URL of a new, empty database, such as postgres://concord@127.0.0.1:15432/test1. The test is skipped when
// PostgreSQL is not installed, and fails when it does not start.
func (p *Postgres) Database(tb testing.TB) string {
	tb.Helper()
	p.once.Do(p.start)
	if p.none != "" {
		tb.Skip(p.none)
	}
	if p.err != nil {
		tb.Fatalf("PostgreSQL does not start: %v", p.err)
	}
	p.mu.Lock()
	p.dbs++
	name := "test" + strconv.Itoa(p.dbs)
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	conn, err := pgx.Connect(ctx, p.url("postgres"))
	if err != nil {
		tb.Fatalf("PostgreSQL: %v", err)
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+name)
	if err = errors.Join(err, conn.Close(ctx)); err != nil {
		tb.Fatalf("PostgreSQL: %v", err)
	}
	return p.url(name)
}

func (p *Postgres) url(database string) string {
	return fmt.Sprintf("postgres://concord@127.0.0.1:%d/%s?sslmode=disable", p.port, database)
}

// Stop ends the server, if it runs, and removes its files.
func (p *Postgres) Stop() error {
	errs := []error{p.end()}
	if p.dir != "" {
		errs = append(errs, os.RemoveAll(p.dir))
	}
	return errors.Join(errs...)
}

// program finds one of PostgreSQL's programs; Debian keeps them where no path leads.
func program(name string) string {
	if found, err := exec.LookPath(name); err == nil {
		return found
	}
	all, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err != nil || len(all) == 0 {
		return ""
	}
	slices.Sort(all)
	return all[len(all)-1]
}

func (p *Postgres) start() {
	initdb, postgres := program("initdb"), program("postgres")
	if initdb == "" || postgres == "" {
		p.none = "PostgreSQL is not installed (initdb, postgres)"
		return
	}
	as, owner, err := unprivileged()
	if err != nil {
		p.none = "PostgreSQL does not run as root, and there is no user postgres"
		return
	}
	if p.dir, p.err = os.MkdirTemp("", "concord-postgres-"); p.err != nil {
		return
	}
	if owner != nil {
		if p.err = os.Chown(p.dir, int(owner.Uid), int(owner.Gid)); p.err != nil {
			return
		}
	}
	data := filepath.Join(p.dir, "data")
	if p.err = p.run(as, initdb, "-D", data, "-A", "trust", "-U", "concord", "-E", "UTF8", "--no-sync"); p.err != nil {
		return
	}
	for range 3 { // the free port may be somebody else's by then
		if p.port, p.err = freePort(); p.err != nil {
			return
		}
		p.up = func() error { return p.serve(as, postgres, data) }
		if p.err = p.up(); p.err == nil {
			return
		}
	}
}

// Down ends the server as a restart does: its connections are closed. Up has it answer again, at the same place and with all
// that was written. No test may ask for a database in between.
func (p *Postgres) Down(tb testing.TB) {
	tb.Helper()
	if err := p.end(); err != nil {
		tb.Error(err)
	}
}

// Up ends what Down began.
func (p *Postgres) Up(tb testing.TB) {
	tb.Helper()
	if err := p.up(); err != nil {
		tb.Error(err)
	}
}

func (p *Postgres) end() error {
	if p.proc == nil {
		return nil
	}
	err := p.proc.Process.Signal(syscall.SIGINT) // fast shutdown: connections are closed
	_ = p.proc.Wait()                            // how it ended is nobody's concern
	p.proc = nil
	return err
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	addr, ok := l.Addr().(*net.TCPAddr)
	if err := l.Close(); err != nil || !ok {
		return 0, errors.Join(err, errors.New("no free port"))
	}
	return addr.Port, nil
}

// unprivileged is as whom the server runs: ourselves, or the user postgres when we are root.
func unprivileged() (*syscall.SysProcAttr, *syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return &syscall.SysProcAttr{}, nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, nil, err
	}
	c := &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return &syscall.SysProcAttr{Credential: c}, c, nil
}

func (p *Postgres) run(as *syscall.SysProcAttr, name string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // the program that was found
	cmd.Dir, cmd.SysProcAttr = p.dir, as
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

func (p *Postgres) serve(as *syscall.SysProcAttr, postgres, data string) error {
	// fsync off: nothing of it outlives the test.
	cmd := exec.Command(postgres, "-D", data, "-p", strconv.Itoa(p.port), "-c", "listen_addresses=127.0.0.1", //nolint:gosec // the program that was found; Stop ends it
		"-c", "unix_socket_directories="+p.dir, "-c", "fsync=off", "-c", "max_connections=200")
	log, err := os.Create(filepath.Join(p.dir, "log"))
	if err != nil {
		return err
	}
	cmd.Dir, cmd.SysProcAttr, cmd.Stdout, cmd.Stderr = p.dir, as, log, log
	err = cmd.Start()
	if err = errors.Join(err, log.Close()); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	for try := time.NewTicker(50 * time.Millisecond); ; {
		conn, err := pgx.Connect(ctx, p.url("postgres"))
		if err == nil {
			try.Stop()
			p.proc = cmd
			return conn.Close(ctx)
		}
		select {
		case <-try.C:
		case <-ctx.Done():
			try.Stop()
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			said, _ := os.ReadFile(filepath.Join(p.dir, "log"))
			return fmt.Errorf("%w: %s", err, said)
		}
	}
}
