package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"

	"concord/internal/app"
	"concord/internal/config"
)

// deployed is a file of deploy/.
func deployed(t *testing.T, name ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{"..", "..", "deploy"}, name...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// configured checks a deployed configuration with the real command, in a folder that has the files that it may name, and
// reads it.
func configured(t *testing.T, text string, files ...string) *config.Config {
	t.Helper()
	dir := t.TempDir()
	for _, f := range files {
		f = filepath.Join(dir, filepath.FromSlash(f))
		if err := os.MkdirAll(filepath.Dir(f), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "concord.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("concord")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(program, "config", "check", "--config", file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// commanded checks that the program takes these words, and is the path that --config names.
func commanded(t *testing.T, words []string) string {
	t.Helper()
	var p program
	parser, err := kong.New(&p, kong.Name("concord"), kong.Vars{"version": ""}, kong.BindTo(context.Background(), (*context.Context)(nil)), kong.Writers(io.Discard, io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(words); err != nil {
		t.Errorf("%q: %v", words, err)
	}
	i := slices.Index(words, "--config")
	if i < 0 || i+1 >= len(words) {
		t.Fatalf("%q names no configuration", words)
	}
	return words[i+1]
}

// port is that of a listener.
func port(t *testing.T, address string) int {
	t.Helper()
	n, err := strconv.Atoi(address[strings.LastIndex(address, ":")+1:])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// ends is how long a gateway may take to end after SIGTERM: its delay, its grace, and what it allows itself besides.
func ends(c *config.Config) time.Duration { return c.DrainDelay + c.ShutdownGrace + 10*time.Second }

// admins are the paths that the admin listener serves.
func admins(t *testing.T) map[string]bool {
	t.Helper()
	cfg := configured(t, "public_url: http://127.0.0.1:8080\nauth: {audience: a, issuers: [{issuer: \"http://127.0.0.1:1\", jwks_url: \"http://127.0.0.1:1/jwks\"}]}\nmpi: {store: memory}\naudit: {dir: audit}\nsources: [{name: e, vendor: generic, base_url: \"http://127.0.0.1:1\", auth: {type: none}}]\n")
	a, err := app.New(t.Context(), cfg, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	found := map[string]bool{}
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/none"} {
		w := httptest.NewRecorder()
		a.Admin.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		found[path] = w.Code == http.StatusOK
	}
	if found["/none"] {
		t.Error("the admin listener serves everything")
	}
	return found
}

// object is a Kubernetes object, as far as the test looks into it.
type object struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct {
		Name   string
		Labels map[string]string
	}
	Automount *bool `yaml:"automountServiceAccountToken"`
	Spec      struct {
		Replicas    int
		ServiceName string `yaml:"serviceName"`
		Selector    any
		ClusterIP   string `yaml:"clusterIP"`
		Template    struct {
			Metadata struct{ Labels, Annotations map[string]string }
			Spec     pod
		}
		Ports   []struct{ Name, Port, TargetPort string }
		Volumes []struct {
			Metadata struct{ Name string }
			Spec     struct {
				AccessModes []string `yaml:"accessModes"`
			}
		} `yaml:"volumeClaimTemplates"`
		Retention struct {
			WhenDeleted string `yaml:"whenDeleted"`
			WhenScaled  string `yaml:"whenScaled"`
		} `yaml:"persistentVolumeClaimRetentionPolicy"`
		Target struct {
			APIVersion string `yaml:"apiVersion"`
			Kind, Name string
		} `yaml:"scaleTargetRef"`
		MinReplicas     int      `yaml:"minReplicas"`
		MaxReplicas     int      `yaml:"maxReplicas"`
		MaxUnavailable  int      `yaml:"maxUnavailable"`
		PolicyTypes     []string `yaml:"policyTypes"`
		PodSelector     selector `yaml:"podSelector"`
		Ingress, Egress []struct {
			From, To []struct {
				PodSelector       *selector `yaml:"podSelector"`
				NamespaceSelector *selector `yaml:"namespaceSelector"`
				IPBlock           *struct {
					CIDR   string `yaml:"cidr"`
					Except []string
				} `yaml:"ipBlock"`
			}
			Ports []struct{ Protocol, Port string }
		}
	}
}

type selector struct {
	MatchLabels map[string]string `yaml:"matchLabels"`
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

type pod struct {
	ServiceAccountName string `yaml:"serviceAccountName"`
	Automount          *bool  `yaml:"automountServiceAccountToken"`
	Grace              int    `yaml:"terminationGracePeriodSeconds"`
	Security           struct {
		RunAsNonRoot bool           `yaml:"runAsNonRoot"`
		RunAsUser    int            `yaml:"runAsUser"`
		FSGroup      int            `yaml:"fsGroup"`
		Seccomp      map[string]any `yaml:"seccompProfile"`
	} `yaml:"securityContext"`
	Containers []struct {
		Name, Image string
		Args        []string
		Ports       []struct {
			Name          string
			ContainerPort int `yaml:"containerPort"`
		}
		Startup   probe `yaml:"startupProbe"`
		Liveness  probe `yaml:"livenessProbe"`
		Readiness probe `yaml:"readinessProbe"`
		Resources struct{ Requests, Limits map[string]string }
		Security  struct {
			Escalation   *bool `yaml:"allowPrivilegeEscalation"`
			ReadOnly     bool  `yaml:"readOnlyRootFilesystem"`
			Capabilities struct{ Drop, Add []string }
		} `yaml:"securityContext"`
		Mounts []struct {
			Name      string
			MountPath string `yaml:"mountPath"`
			ReadOnly  bool   `yaml:"readOnly"`
		} `yaml:"volumeMounts"`
	}
	Volumes []struct {
		Name      string
		Projected struct {
			Sources []struct {
				ConfigMap struct{ Name string } `yaml:"configMap"`
				Secret    struct {
					Name  string
					Items []struct{ Key, Path string }
				}
			}
		}
	}
}

// objects are those of the base, by kind and name.
func objects(t *testing.T) map[string]object {
	t.Helper()
	var k struct {
		Resources  []string
		Generators []struct {
			Name  string
			Files []string
		} `yaml:"configMapGenerator"`
		Images []struct {
			Name    string
			NewName string `yaml:"newName"`
			NewTag  string `yaml:"newTag"`
		}
	}
	if err := yaml.Unmarshal([]byte(deployed(t, "kustomize", "base", "kustomization.yaml")), &k); err != nil {
		t.Fatal(err)
	}
	if len(k.Generators) != 1 || k.Generators[0].Name != "concord" || !slices.Equal(k.Generators[0].Files, []string{"concord.yaml"}) {
		t.Errorf("the ConfigMap is made of %v", k.Generators)
	}
	if len(k.Images) != 1 || k.Images[0].Name != "concord" || k.Images[0].NewTag != app.Version {
		t.Errorf("the images are %v", k.Images)
	}
	files, err := filepath.Glob(filepath.Join("..", "..", "deploy", "kustomize", "base", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var there []string
	for _, f := range files {
		if f = filepath.Base(f); f != "kustomization.yaml" && f != "concord.yaml" {
			there = append(there, f)
		}
	}
	slices.Sort(k.Resources)
	if !slices.Equal(there, k.Resources) {
		t.Errorf("the resources are %v, and there are %v", k.Resources, there)
	}
	all := map[string]object{}
	for _, name := range k.Resources {
		for part := range strings.SplitSeq(deployed(t, "kustomize", "base", name), "\n---\n") {
			var o object
			if err := yaml.Unmarshal([]byte(part), &o); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if o.Metadata.Labels["app.kubernetes.io/name"] != "concord" {
				t.Errorf("%s: labels %v", name, o.Metadata.Labels)
			}
			all[o.APIVersion+" "+o.Kind+" "+o.Metadata.Name] = o
		}
	}
	return all
}

// TestKubernetes: the objects agree with each other and with the program: the configuration passes the real check with
// exactly the files that are mounted, ports and probes are the program's, and the pods are bounded as they should be.
func TestKubernetes(t *testing.T) {
	all := objects(t)
	for _, want := range []string{"v1 ServiceAccount concord", "apps/v1 StatefulSet concord", "v1 Service concord", "v1 Service concord-pods", "policy/v1 PodDisruptionBudget concord",
		"autoscaling/v2 HorizontalPodAutoscaler concord", "networking.k8s.io/v1 NetworkPolicy concord"} {
		if _, ok := all[want]; !ok {
			t.Fatalf("there is no %s, of %d", want, len(all))
		}
	}
	set := all["apps/v1 StatefulSet concord"].Spec
	p := set.Template.Spec
	if len(p.Containers) != 1 {
		t.Fatalf("%d containers", len(p.Containers))
	}
	c := p.Containers[0]

	// what is mounted where, and what of it the configuration names
	at := map[string]string{}
	for _, m := range c.Mounts {
		at[m.Name] = m.MountPath
		if m.Name == "config" && !m.ReadOnly {
			t.Error("the configuration can be written")
		}
	}
	file := commanded(t, c.Args)
	if filepath.Dir(file) != at["config"] || filepath.Base(file) != "concord.yaml" {
		t.Errorf("%s is not in %s", file, at["config"])
	}
	var mounted []string
	maps := 0
	for _, v := range p.Volumes {
		for _, s := range v.Projected.Sources {
			if s.ConfigMap.Name == "concord" {
				maps++
			}
			for _, i := range s.Secret.Items {
				mounted = append(mounted, i.Path)
			}
		}
	}
	text := deployed(t, "kustomize", "base", "concord.yaml")
	cfg := configured(t, text, mounted...)
	for _, m := range mounted {
		if !strings.Contains(text, m) {
			t.Errorf("%s is mounted, and nothing names it", m)
		}
	}
	for _, named := range regexp.MustCompile(at["config"]+`/([a-z]+/[a-z.-]+)`).FindAllStringSubmatch(text, -1) {
		if !slices.Contains(mounted, named[1]) {
			t.Errorf("%s is named, and not mounted", named[0])
		}
	}
	if maps != 1 || len(set.Volumes) != 1 || at[set.Volumes[0].Metadata.Name] == "" || !strings.HasPrefix(cfg.Audit.Dir, at[set.Volumes[0].Metadata.Name]+"/") {
		t.Errorf("the trail at %s is not on a volume of the gateway's own: %v", cfg.Audit.Dir, at)
	}
	if set.Retention.WhenDeleted != "Retain" || set.Retention.WhenScaled != "Retain" {
		t.Error("a trail goes with its pod")
	}
	if cfg.MPI.Store.Kind != config.IndexPostgres || cfg.RateLimit.Store.RedisAddr == "" || cfg.TLS.CertFile == "" {
		t.Error("several gateways need a shared index, shared limits and TLS")
	}

	// ports and probes
	ports := map[string]int{}
	for _, x := range c.Ports {
		ports[x.Name] = x.ContainerPort
	}
	if ports["https"] != port(t, cfg.Listen) || ports["admin"] != port(t, cfg.AdminListen) {
		t.Errorf("ports %v, and the program listens on %s and %s", ports, cfg.Listen, cfg.AdminListen)
	}
	served := admins(t)
	for name, x := range map[string]probe{"startup": c.Startup, "liveness": c.Liveness, "readiness": c.Readiness} {
		if !served[x.HTTPGet.Path] || x.HTTPGet.Port != "admin" {
			t.Errorf("%s: %+v", name, x)
		}
	}
	if c.Readiness.HTTPGet.Path != "/readyz" || c.Liveness.HTTPGet.Path == "/readyz" {
		t.Error("a gateway that drains would be killed, or still be sent requests")
	}
	if notes := set.Template.Metadata.Annotations; !served[notes["prometheus.io/path"]] || notes["prometheus.io/port"] != strconv.Itoa(ports["admin"]) {
		t.Errorf("scraped at %v", notes)
	}
	if time.Duration(p.Grace)*time.Second < ends(cfg) || cfg.DrainDelay == 0 {
		t.Errorf("%d s to end in, %v needed", p.Grace, ends(cfg))
	}
	for _, s := range []string{"v1 Service concord", "v1 Service concord-pods"} {
		for _, x := range all[s].Spec.Ports {
			if ports[x.Name] == 0 {
				t.Errorf("%s: no port %s", s, x.Name)
			}
		}
	}
	if x := all["v1 Service concord"].Spec.Ports; len(x) != 1 || x[0].Name != "https" {
		t.Error("clients reach the admin port")
	}
	if set.ServiceName != "concord-pods" || all["v1 Service concord-pods"].Spec.ClusterIP != "None" {
		t.Error("the pods have no names")
	}

	// bounds
	s, off := c.Security, func(b *bool) bool { return b != nil && !*b }
	if !p.Security.RunAsNonRoot || p.Security.RunAsUser == 0 || p.Security.FSGroup == 0 || p.Security.Seccomp["type"] != "RuntimeDefault" || !off(s.Escalation) || !s.ReadOnly ||
		!slices.Equal(s.Capabilities.Drop, []string{"ALL"}) || len(s.Capabilities.Add) > 0 || !off(p.Automount) || !off(all["v1 ServiceAccount concord"].Automount) {
		t.Errorf("the pod may too much: %+v %+v", p.Security, s)
	}
	if c.Resources.Limits["memory"] == "" || c.Resources.Requests["cpu"] == "" {
		t.Errorf("resources %v", c.Resources)
	}
	if x := all["autoscaling/v2 HorizontalPodAutoscaler concord"].Spec; x.Target.Kind != "StatefulSet" || x.Target.APIVersion != "apps/v1" || x.Target.Name != "concord" || x.MinReplicas < 2 || x.MaxReplicas <= x.MinReplicas {
		t.Errorf("scaled: %+v", x.Target)
	}
	if x := all["policy/v1 PodDisruptionBudget concord"].Spec; x.MaxUnavailable != 1 {
		t.Errorf("disrupted: %+v", x.MaxUnavailable)
	}
	n := all["networking.k8s.io/v1 NetworkPolicy concord"].Spec
	if n.PodSelector.MatchLabels["app.kubernetes.io/name"] != "concord" || !slices.Equal(n.PolicyTypes, []string{"Ingress", "Egress"}) {
		t.Errorf("the policy is for %v, %v", n.PodSelector, n.PolicyTypes)
	}
	for _, rule := range n.Ingress {
		for _, x := range rule.Ports {
			if ports[x.Port] == 0 || x.Port == "admin" && len(rule.From) == 0 {
				t.Errorf("from %v to %s", rule.From, x.Port)
			}
		}
	}
	out := map[string]bool{}
	for _, rule := range n.Egress {
		if len(rule.To) == 0 {
			t.Error("the gateway reaches everything")
		}
		for _, x := range rule.Ports {
			out[x.Port] = true
		}
		for _, to := range rule.To {
			if to.IPBlock != nil && !slices.Contains(to.IPBlock.Except, "169.254.169.254/32") {
				t.Error("the gateway reaches the cloud's metadata")
			}
		}
	}
	for _, want := range []string{"443", "53", strconv.Itoa(port(t, cfg.RateLimit.Store.RedisAddr)), "5432"} {
		if !out[want] {
			t.Errorf("the gateway does not reach port %s", want)
		}
	}
}

// TestKustomize: kubectl, where there is one, builds the base.
func TestKustomize(t *testing.T) {
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		t.Skip("kubectl is not installed")
	}
	var said bytes.Buffer
	build := exec.Command(kubectl, "kustomize", filepath.Join("..", "..", "deploy", "kustomize", "base"))
	build.Stderr = &said
	out, err := build.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	if n := strings.Count(string(out), "\nkind: "); n != 8 || !strings.Contains(string(out), "image: registry.example.org/concord:"+app.Version) || strings.Contains(string(out), "name: concord\n            optional") {
		t.Errorf("%d objects", n)
	}
	if hashed := regexp.MustCompile(`name: concord-[0-9a-z]{10}\n`).FindAllString(string(out), -1); len(hashed) != 2 {
		t.Errorf("the ConfigMap's name is there %d times", len(hashed))
	}
}

// TestSystemd: the unit runs commands that exist with a configuration that passes the check, lets a gateway end in peace, and
// leaves it little to do harm with. systemd, where there is one, takes it.
func TestSystemd(t *testing.T) {
	text := deployed(t, "systemd", "concord.service")
	keys := map[string][]string{}
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(k, "#") {
			keys[k] = append(keys[k], v)
		}
	}
	one := func(k string) string {
		if len(keys[k]) != 1 {
			t.Fatalf("%s is there %d times", k, len(keys[k]))
		}
		return keys[k][0]
	}
	file := ""
	for _, k := range []string{"ExecStartPre", "ExecStart"} {
		words := strings.Fields(one(k))
		file = commanded(t, words[1:])
		if words[0] != "/usr/local/bin/concord" {
			t.Errorf("%s runs %s", k, words[0])
		}
	}
	if len(keys["ExecReload"]) != 2 || keys["ExecReload"][1] != "/bin/kill -HUP $MAINPID" {
		t.Errorf("a reload is %q", keys["ExecReload"])
	}
	commanded(t, strings.Fields(keys["ExecReload"][0])[1:])
	if file != "/etc/"+one("ConfigurationDirectory")+"/concord.yaml" {
		t.Errorf("the configuration is %s", file)
	}
	cfg := configured(t, deployed(t, "systemd", "concord.yaml"), "tls.crt", "tls.key", "index.keys", "pseudonym.key", "checkpoint.pem", "epic.pem")
	state := "/var/lib/" + one("StateDirectory") + "/"
	if !strings.HasPrefix(cfg.Audit.Dir, state) || !strings.HasPrefix(cfg.MPI.Store.Path, state) {
		t.Errorf("what is written is not under %s", state)
	}
	if stop, err := time.ParseDuration(one("TimeoutStopSec")); err != nil || stop < ends(cfg) {
		t.Errorf("%v to end in, %v needed: %v", stop, ends(cfg), err)
	}
	for k, want := range map[string]string{"User": "concord", "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes", "PrivateDevices": "yes",
		"CapabilityBoundingSet": "", "RestrictNamespaces": "yes", "MemoryDenyWriteExecute": "yes", "StateDirectoryMode": "0700", "UMask": "0077", "LimitCORE": "0"} {
		if got := one(k); got != want {
			t.Errorf("%s is %s", k, got)
		}
	}

	t.Run("systemd", func(t *testing.T) {
		analyze, err := exec.LookPath("systemd-analyze")
		if err != nil {
			t.Skip("systemd-analyze is not installed")
		}
		program, err := exec.LookPath("concord")
		if err != nil {
			t.Fatal(err)
		}
		unit := filepath.Join(t.TempDir(), "concord.service")
		if err := os.WriteFile(unit, []byte(strings.ReplaceAll(text, "/usr/local/bin/concord", program)), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(analyze, "verify", "--man=no", "--recursive-errors=no", unit).CombinedOutput()
		if err != nil || strings.Contains(string(out), "concord.service:") {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// TestDockerfile: the image is built with the module's Go, runs as nobody in particular, has the gateway's ports, and its
// commands exist.
func TestDockerfile(t *testing.T) {
	text := strings.ReplaceAll(deployed(t, "docker", "Dockerfile"), "\\\n", "")
	mod, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\S+)$`).FindStringSubmatch(string(mod))[1]
	var stages [][]string // of lines
	last := map[string]string{}
	for line := range strings.Lines(text) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "", "#":
			continue
		case "FROM":
			stages = append(stages, nil)
			clear(last)
		}
		last[word] = rest
		stages[len(stages)-1] = append(stages[len(stages)-1], strings.TrimSpace(line))
	}
	if len(stages) != 2 || stages[0][0] != "FROM golang:"+version+" AS build" || !strings.Contains(text, "CGO_ENABLED=0") {
		t.Errorf("built from %v, with Go %s in go.mod", stages[0][0], version)
	}
	if from := last["FROM"]; !strings.HasPrefix(from, "gcr.io/distroless/static-") || !strings.HasSuffix(from, ":nonroot") {
		t.Errorf("made of %s", from)
	}
	if user, _, _ := strings.Cut(last["USER"], ":"); user == "" || user == "0" || user == "root" {
		t.Errorf("runs as %q", last["USER"])
	}
	exec := func(s string) (words []string) {
		s = s[max(0, strings.Index(s, "[")):]
		if err := yaml.Unmarshal([]byte(s), &words); err != nil || len(words) == 0 {
			t.Fatalf("%s: %v", s, err) // a shell would be needed
		}
		return words
	}
	entry := exec(last["ENTRYPOINT"])
	file := commanded(t, append(entry[1:], exec(last["CMD"])...))
	health := exec(last["HEALTHCHECK"])
	if commanded(t, health[1:]) != file || health[0] != entry[0] || !slices.Contains(stages[1], "COPY --from=build /out/concord "+entry[0]) {
		t.Errorf("asked by %q", health)
	}
	cfg := configured(t, deployed(t, "systemd", "concord.yaml"), "tls.crt", "tls.key", "index.keys", "pseudonym.key", "checkpoint.pem", "epic.pem")
	if want := strconv.Itoa(port(t, cfg.Listen)) + " " + strconv.Itoa(port(t, cfg.AdminListen)); last["EXPOSE"] != want {
		t.Errorf("exposes %s, not %s", last["EXPOSE"], want)
	}
	if !strings.HasPrefix(cfg.Audit.Dir, last["VOLUME"]+"/") {
		t.Errorf("the trail is not on %s", last["VOLUME"])
	}
}

// TestHealth: the command tells a gateway that is ready from one that is not, and from none.
func TestHealth(t *testing.T) {
	ready := true
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" || !ready {
			http.Error(w, "draining", http.StatusServiceUnavailable)
		}
	}))
	at := s.Listener.Addr().String()
	file := filepath.Join(t.TempDir(), "concord.yaml")
	check := func(address string) int {
		t.Helper()
		text := "admin_listen: \"" + address + "\"\npublic_url: http://127.0.0.1:8080\nauth: {audience: a, issuers: [{issuer: \"http://127.0.0.1:1\", jwks_url: \"http://127.0.0.1:1/jwks\"}]}\nmpi: {store: memory}\naudit: {dir: audit}\nsources: [{name: e, vendor: generic, base_url: \"http://127.0.0.1:1\", auth: {type: none}}]\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return run(context.WithoutCancel(t.Context()), []string{"health", "--config", file})
	}
	if code := check(at); code != 0 {
		t.Errorf("ready: %d", code)
	}
	if code := check(at[strings.LastIndex(at, ":"):]); code != 0 {
		t.Errorf("ready on every interface: %d", code)
	}
	ready = false
	if code := check(at); code != 1 {
		t.Errorf("not ready: %d", code)
	}
	s.Close()
	if code := check(at); code != 1 {
		t.Errorf("not there: %d", code)
	}
	if code := check("nonsense"); code != 2 {
		t.Errorf("a bad configuration: %d", code)
	}
}

// TestSBOM: the bill of the built program names it, Go's library and every module that is linked into it, and no other.
func TestSBOM(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the program")
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "concord")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	list := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{with .Replace}}{{.Path}} {{.Version}}{{else}}{{.Path}} {{.Version}}{{end}}{{end}}{{end}}", ".")
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(strings.ReplaceAll(string(out), " ", "@"))
	slices.Sort(want)
	want = slices.Compact(want)
	text, err := exec.Command(program, "sbom").Output()
	if err != nil {
		t.Fatal(err)
	}
	var b struct {
		BOMFormat, SpecVersion, SerialNumber string
		Metadata                             struct {
			Component struct{ Type, Name, Version, PURL string }
		}
		Components []struct{ Type, Name, Version, PURL string }
	}
	if err := yaml.UnmarshalWithOptions(text, &b); err != nil { // JSON is YAML
		t.Fatal(err)
	}
	if b.Metadata.Component.Name != module(t) || b.Metadata.Component.Version == "" {
		t.Errorf("of %+v", b.Metadata.Component)
	}
	var got []string
	seen := map[string]bool{}
	for _, c := range b.Components {
		if seen[c.PURL] || c.PURL == "" || c.Type != "library" {
			t.Errorf("%+v", c)
		}
		seen[c.PURL] = true
		if c.Name == "std" {
			if "go"+c.Version != runtime.Version() {
				t.Errorf("Go is %s", c.Version)
			}
			continue
		}
		got = append(got, c.Name+"@"+c.Version)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) || len(got) < 20 {
		t.Errorf("%d modules, not %d:\n%v\n%v", len(got), len(want), got, want)
	}
	again, err := exec.Command(program, "sbom", program).Output()
	if err != nil || !bytes.Equal(again, text) {
		t.Errorf("another time another bill: %v", err)
	}
	var code *exec.ExitError
	if err := exec.Command(program, "sbom", filepath.Join(dir, "none")).Run(); !errors.As(err, &code) || code.ExitCode() != 2 {
		t.Errorf("of no program: %v", err)
	}
}

// module is the module's name.
func module(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return cmp.Or(strings.TrimPrefix(first, "module "), "none")
}
