package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"runtime/debug"
	"strings"

	"concord/internal/app"
)

type sbomCommand struct {
	Program string `arg:"" optional:"" help:"Another program that Go built; this one if there is none." placeholder:"FILE"`
}

// Help says how it is used.
func (*sbomCommand) Help() string {
	return `Prints what the program is built of: every module that is linked into it, as it says itself, in CycloneDX 1.6 (JSON). The same program has the same bill.`
}

// Run prints it.
func (c *sbomCommand) Run() error {
	file := c.Program
	if file == "" {
		var err error
		if file, err = os.Executable(); err != nil {
			return err
		}
	}
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return err
	}
	out, err := json.MarshalIndent(billOf(info), "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(os.Stdout, "%s\n", out)
	return err
}

// bill is a CycloneDX document, as far as one is needed here.
type bill struct {
	Format       string       `json:"bomFormat"`
	Spec         string       `json:"specVersion"`
	Serial       string       `json:"serialNumber"`
	Version      int          `json:"version"`
	Metadata     billMetadata `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type billMetadata struct {
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version,omitempty"`
	Scope      string     `json:"scope,omitempty"`
	PURL       string     `json:"purl"`
	Properties []property `json:"properties,omitempty"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn,omitempty"`
}

// billOf is the bill of a build: its main module, the modules that it is linked of, and Go's own library.
func billOf(info *debug.BuildInfo) bill {
	main := moduleOf("application", &info.Main)
	if main.Version == "" || main.Version == "(devel)" {
		main.Version = app.Version
		main.PURL = purl(info.Main.Path, main.Version)
		main.Ref = main.PURL
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "CGO_ENABLED", "GOARCH", "GOOS", "vcs.revision", "vcs.modified":
			main.Properties = append(main.Properties, property{"go:build:" + s.Key, s.Value})
		}
	}
	version, _, _ := strings.Cut(strings.TrimPrefix(info.GoVersion, "go"), " ")
	all := []component{{Type: "library", Ref: purl("std", version), Name: "std", Version: version, Scope: "required", PURL: purl("std", version)}}
	for _, d := range info.Deps {
		c := moduleOf("library", d)
		c.Scope = "required"
		all = append(all, c)
	}
	b := bill{Format: "CycloneDX", Spec: "1.6", Version: 1, Metadata: billMetadata{main}, Components: all}
	uses := dependency{Ref: main.Ref}
	for _, c := range all {
		uses.DependsOn = append(uses.DependsOn, c.Ref)
	}
	b.Dependencies = []dependency{uses}
	sum := sha256.Sum256([]byte(info.String()))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // a UUID of version 8: of its owner's making
	b.Serial = fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
	return b
}

// moduleOf is a module as it was linked: the one that replaces it, if another does.
func moduleOf(kind string, m *debug.Module) component {
	for m.Replace != nil {
		m = m.Replace
	}
	at := purl(m.Path, m.Version)
	c := component{Type: kind, Ref: at, Name: m.Path, Version: m.Version, PURL: at}
	if m.Sum != "" {
		c.Properties = []property{{"go:module:sum", m.Sum}}
	}
	return c
}

// purl is a package URL.
func purl(path, version string) string {
	parts := strings.Split(path, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	at := "pkg:golang/" + strings.Join(parts, "/")
	if version != "" {
		at += "@" + strings.ReplaceAll(url.PathEscape(version), "+", "%2B")
	}
	return at
}
