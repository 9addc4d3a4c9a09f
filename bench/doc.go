// Package bench measures what the gateway costs beside programs that do less, in one run, so that only ratios count. It
// is run by `make bench` and proves nothing by itself.
package bench
