# Every target works on a clean checkout with Go and make alone; the tools of `lint` and `vuln` are built on first use.

SHELL       := bash
.SHELLFLAGS := -eu -o pipefail -c

GOLANGCI_VERSION    := v2.15.0
GOVULNCHECK_VERSION := v1.9.0

# The version is in the path, so that a new one is built when it changes.
GOLANGCI    := bin/golangci-lint-$(GOLANGCI_VERSION)/golangci-lint
GOVULNCHECK := bin/govulncheck-$(GOVULNCHECK_VERSION)/govulncheck

PKG       ?= ./...
TESTFLAGS ?=
FUZZTIME  ?= 10s
BENCH     ?= .
SOAK      ?= 30m

.PHONY: check build sbom test bench bench-quick microbench soak fuzz screenshots demo fmt vet lint vuln tools clean help

## check: all that CI checks; the house rules are among the tests
check: fmt vet lint vuln test

## build: the program, as ./concord
build:
	go build -o concord ./cmd/concord

## sbom: what ./concord is built of, as concord.cdx.json (CycloneDX)
sbom: build
	./concord sbom >concord.cdx.json

## test: the tests of PKG (default all) under the race detector
test:
	go test -race $(TESTFLAGS) $(PKG)

## bench: what an answer costs beside programs that do less, a few minutes; writes bench/RESULTS.md and bench/cost.svg
bench:
	CONCORD_BENCH_OUT=bench go run ./bench

## bench-quick: the same with fewer rounds, about a minute, and writes nothing
bench-quick:
	CONCORD_BENCH_QUICK=1 go run ./bench

## microbench: the benchmarks of PKG that match BENCH, and no tests
microbench:
	go test -run '^$$' -bench '$(BENCH)' -benchmem $(PKG)

## soak: every pair of faults, then the gateway under load while things break at random, for SOAK (docs/operating.md, Overload)
soak:
	CONCORD_SOAK=$(SOAK) go test -count=1 -timeout 0 -v -run '^Test(Drills|Here|Soak)$$' ./testharness/drills

## fuzz: each fuzz target of PKG for FUZZTIME, one after the other (docs/fuzzing.md): make fuzz FUZZTIME=10m
fuzz:
	@go list -f '{{.ImportPath}} {{.Dir}}' $(PKG) | while read -r pkg dir; do \
	  for target in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]*' "$$dir"/*_test.go 2>/dev/null | cut -c6-); do \
	    echo "== $$pkg $$target"; \
	    go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 2s "$$pkg"; \
	  done; \
	done

## screenshots: the README's pictures, anew from the demo, in a real browser
screenshots:
	@dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; CONCORD_SCREENSHOTS="$$dir" go test -count=1 -run TestScreenshots ./internal/app/demo; mkdir -p docs/images; \
	cp "$$dir/TestScreenshots-portal-incomplete.png" docs/images/portal.png; cp "$$dir/diff.svg" docs/images/diff.svg

## demo: three sandbox EHRs, an authorization server, the gateway and the portal, on loopback
demo:
	go run ./cmd/concord demo

## fmt: fails, naming the files, when gofmt would change any
fmt:
	@files=$$(gofmt -l .); \
	if [ -n "$$files" ]; then echo "not gofmt'd:"; echo "$$files"; exit 1; fi

## vet: go vet
vet:
	go vet ./...

## lint: the linters of .golangci.yml
lint: $(GOLANGCI)
	$(GOLANGCI) run ./...

## vuln: known vulnerabilities, by the Go vulnerability database or the one at GOVULNDB (such as file:///srv/vulndb).
## Without GOVULNDB, a database out of reach is no failure, and is said.
vuln: $(GOVULNCHECK)
	@if [ -n "$${GOVULNDB:-}" ]; then exec $(GOVULNCHECK) -db "$$GOVULNDB" ./...; fi; \
	code=0; out=$$($(GOVULNCHECK) ./... 2>&1) || code=$$?; \
	if [ $$code -eq 1 ] && grep -q 'fetching vulnerabilities:' <<<"$$out"; then \
	  echo 'SKIPPED: no vulnerability database reachable; set GOVULNDB to one'; exit 0; \
	fi; \
	echo "$$out"; exit $$code

## tools: what lint and vuln need, under bin/
tools: $(GOLANGCI) $(GOVULNCHECK)

$(GOLANGCI):
	GOBIN=$(CURDIR)/$(@D) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)

$(GOVULNCHECK):
	GOBIN=$(CURDIR)/$(@D) go install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION)

## clean: removes what was built
clean:
	rm -rf bin concord concord.cdx.json

## help: this list
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)
