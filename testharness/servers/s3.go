package servers

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// S3 is a running S3 server with object lock: versitygw over a temporary folder.
type S3 struct {
	Endpoint        string // http URL on loopback
	AccessKey       string
	SecretKey       string
	Region          string
	CredentialsFile string // both keys in the form of AWS's shared credentials
}

// StartS3 starts an S3 server for t, which ends with it. It skips t when versitygw is neither in the PATH nor in GOBIN.
func StartS3(t testing.TB) *S3 {
	t.Helper()
	program := s3Program(t, "versitygw", "github.com/versity/versitygw/cmd/versitygw")
	s := &S3{AccessKey: "test", SecretKey: "test-secret-key", Region: "us-east-1"}
	dir := t.TempDir()
	for _, d := range []string{"root", "meta", "versions"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s.CredentialsFile = filepath.Join(dir, "credentials")
	text := "[default]\naws_access_key_id = " + s.AccessKey + "\naws_secret_access_key = " + s.SecretKey + "\n"
	if err := os.WriteFile(s.CredentialsFile, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for try := 0; ; try++ {
		address := s3Address(t)
		ctx, cancel := context.WithCancel(context.Background())
		c := exec.CommandContext(ctx, program, "--quiet", "--port", address, "--region", s.Region, "posix", // #nosec G204 -- a test's own program
			"--sidecar", filepath.Join(dir, "meta"), "--versioning-dir", filepath.Join(dir, "versions"), filepath.Join(dir, "root"))
		c.Env = []string{"ROOT_ACCESS_KEY=" + s.AccessKey, "ROOT_SECRET_KEY=" + s.SecretKey, "HOME=" + dir, "PATH=" + os.Getenv("PATH")}
		if err := c.Start(); err != nil {
			cancel()
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = c.Wait() // it is killed
		}()
		stop := func() {
			cancel()
			<-ended
		}
		s.Endpoint = "http://" + address
		err := s3Answers(s.Endpoint, ended)
		if err == nil {
			t.Cleanup(stop)
			return s
		}
		stop()
		if try == 2 { // another program may have taken the port meanwhile
			t.Fatalf("the S3 server does not start: %v", err)
		}
	}
}

// s3Program is the path of an installed program.
func s3Program(t testing.TB, name, module string) string {
	t.Helper()
	if p, err := exec.LookPath(name); err == nil {
		return p
	}
	folders := []string{os.Getenv("GOBIN")}
	for _, g := range filepath.SplitList(os.Getenv("GOPATH")) {
		folders = append(folders, filepath.Join(g, "bin"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		folders = append(folders, filepath.Join(home, "go", "bin"))
	}
	for _, d := range folders {
		if d == "" {
			continue
		}
		if p, err := exec.LookPath(filepath.Join(d, name)); err == nil {
			return p
		}
	}
	t.Skip(name + " is not installed: go install " + module + "@latest")
	return ""
}

func s3Address(t testing.TB) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// s3Answers waits until an HTTP server answers anything at all.
func s3Answers(url string, ended <-chan struct{}) error {
	deadline := time.Now().Add(20 * time.Second)
	client := &http.Client{Timeout: time.Second}
	defer client.CloseIdleConnections()
	for {
		q, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		a, err := client.Do(q)
		if err == nil {
			return a.Body.Close()
		}
		select {
		case <-ended:
			return errors.New("it ended")
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return err
		}
	}
}
