package main

import (
	"fmt"
	"io"
)

// Bytes of the index for one person with three patients, as measure has them of 100,000 persons, indexes included.
const (
	bytesPerson = 0
	bytesRow    = 0
)

// sizes is arithmetic: what a nation's index takes.
func sizes(w io.Writer) {
	t := newTable(w, "6. The index at rest, by persons (three patients each)", "persons", "rows", "GB", "GB of a shard of 16", "of 64")
	for _, n := range []float64{1e6, 10e6, 100e6, 300e6} {
		gb := n * bytesPerson / 1e9
		t.row(fmt.Sprintf("%.0f million", n/1e6), fmt.Sprintf("%.1f billion", n*bytesRow/1e9), fmt.Sprintf("%.0f", gb), fmt.Sprintf("%.0f", gb/16), fmt.Sprintf("%.1f", gb/64))
	}
	t.end()
}
