package config_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Each message in the code must be what some bad file wants, so that no rule is without one.
func TestEveryRuleHasABadFile(t *testing.T) {
	var all []string
	for _, file := range badFiles(t) {
		all = append(all, wanted(t, file)...)
	}
	shown := strings.Join(all, "\n")
	elsewhere := map[string]string{"is larger than 256 KiB": "TestUnreadable"}

	messages := 0
	for message, where := range ruleMessages(t) {
		messages++
		if elsewhere[message] != "" {
			continue
		}
		parts := regexp.MustCompile(`%[a-z]`).Split(message, -1)
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		if !regexp.MustCompile(`(?m): ` + strings.Join(parts, ".+") + `$`).MatchString(shown) {
			t.Errorf("%s: no file in testdata/bad wants %q", where, message)
		}
	}
	if messages < 30 {
		t.Errorf("only %d messages were found: the search no longer sees them", messages)
	}
}

// ruleMessages are the formats given to the package's fail methods, with where each stands.
func ruleMessages(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	set := token.NewFileSet()
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := parser.ParseFile(set, name, src, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if sel, ok := call.Fun.(*ast.SelectorExpr); !ok || sel.Sel.Name != "fail" {
				return true
			}
			for _, arg := range call.Args {
				lit, ok := arg.(*ast.BasicLit)
				if !ok || lit.Kind != token.STRING {
					continue
				}
				text, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				found[text] = set.Position(lit.Pos()).String()
				break
			}
			return true
		})
	}
	return found
}
