package chain

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	segmentPrefix = "audit-"
	segmentSuffix = ".jsonl"
	seqDigits     = 20 // of the largest uint64, so that names sort as numbers
)

// MaxObject is the longest event's object that can be chained, in bytes.
const MaxObject = MaxRecord - tailLen - len(`,"seq":`) - seqDigits

// SegmentName is the name of the segment that begins with record seq.
func SegmentName(seq uint64) string {
	return fmt.Sprintf("%s%0*d%s", segmentPrefix, seqDigits, seq, segmentSuffix)
}

// SegmentSeq is the number of the record that the segment named name begins with; false when it is no segment.
func SegmentSeq(name string) (uint64, bool) {
	digits, ok := strings.CutPrefix(name, segmentPrefix)
	if !ok {
		return 0, false
	}
	digits, ok = strings.CutSuffix(digits, segmentSuffix)
	if !ok || len(digits) != seqDigits {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil && n > 0
}
