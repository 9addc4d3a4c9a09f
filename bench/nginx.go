package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// nginxConf is a plain proxy that keeps its connections, buffers in memory and logs nothing.
const nginxConf = `worker_processes %d;
daemon off;
pid %[2]s/pid;
error_log %[2]s/error.log crit;
%[3]s
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path %[2]s/body; proxy_temp_path %[2]s/proxy; fastcgi_temp_path %[2]s/fastcgi; uwsgi_temp_path %[2]s/uwsgi; scgi_temp_path %[2]s/scgi;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_buffers 16 64k;
  proxy_buffer_size 64k;
  proxy_max_temp_file_size 0;
  keepalive_requests 1000000;
%[4]s  server {
    listen %[5]s;
%[6]s  }
}
`

// errNoNginx says why there is nothing to compare with.
var errNoNginx = errors.New("nginx is not installed")

// startNginx proxies each source under a path of its own.
func startNginx(ctx context.Context, dir string, sources []string) (*process, error) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		return nil, errNoNginx
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	l, err := listen()
	if err != nil {
		return nil, err
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil { // nginx takes the port instead
		return nil, err
	}
	var ups, places strings.Builder
	p := &process{}
	for i, s := range sources {
		host, path, _ := strings.Cut(strings.TrimPrefix(s, "http://"), "/")
		fmt.Fprintf(&ups, "  upstream s%d { server %s; keepalive 64; keepalive_requests 1000000; }\n", i, host)
		fmt.Fprintf(&places, "    location /s%d/ { proxy_pass http://s%d/%s/; }\n", i, i, path)
		p.urls = append(p.urls, fmt.Sprintf("http://%s/s%d", addr, i))
	}
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;" // so that its workers may use the folder
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, nginxConf, runtime.NumCPU(), dir, user, ups.String(), addr, places.String()), 0o600); err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, program, "-c", file, "-p", dir, "-e", filepath.Join(dir, "start.log")) //nolint:gosec // as the PATH has it
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := c.Start(); err != nil {
		return nil, err
	}
	p.end = func() error {
		_ = c.Process.Signal(syscall.SIGTERM)
		_ = c.Wait() // how it ends is not what is measured
		return nil
	}
	for range 100 {
		if !pause(ctx, 50*time.Millisecond) {
			break
		}
		if conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", addr); err == nil {
			_ = conn.Close()
			p.pids = append([]int{c.Process.Pid}, children(c.Process.Pid)...)
			return p, nil
		}
	}
	return nil, errors.Join(errors.New("nginx did not come up"), p.end())
}

// nginxVersion is what nginx says of itself, or why it does not.
func nginxVersion() string {
	out, err := exec.Command("nginx", "-v").CombinedOutput()
	if err != nil {
		return errNoNginx.Error()
	}
	return strings.TrimSpace(strings.TrimPrefix(string(out), "nginx version: "))
}
