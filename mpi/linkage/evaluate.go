package linkage

import (
	"iter"
	"math"

	"concord"
)

// Rate is a share with its 95 % confidence interval.
type Rate struct{ Value, Low, High float64 }

// Evaluation is how pairs that were found compare with those that are known to be one person's.
type Evaluation struct {
	Right  int // found, and one person's
	False  int // found, and not
	Missed int // one person's, and not found

	Precision, Recall, F1 Rate
}

// Evaluate compares the pairs found with what is true: a label for each record, which those of one person have in common.
// Records without a label are left out. Every pair of one person counts for the recall, whether it was compared or not.
func Evaluate(found iter.Seq2[concord.PatientRef, concord.PatientRef], truth map[concord.PatientRef]string) Evaluation {
	var e Evaluation
	for a, b := range found {
		x, known := truth[a]
		y, too := truth[b]
		switch {
		case !known || !too:
		case x == y:
			e.Right++
		default:
			e.False++
		}
	}
	sizes := map[string]int{}
	for _, label := range truth {
		sizes[label]++
	}
	all := 0
	for _, n := range sizes {
		all += n * (n - 1) / 2
	}
	return Measure(e.Right, e.False, all-e.Right)
}

// Measure is the Evaluation of those counts. The intervals are Wilson's; that of F1 is the one of the share of right pairs
// among all that were found or missed, of which F1 is a function.
func Measure(right, wrong, missed int) Evaluation {
	e := Evaluation{Right: right, False: wrong, Missed: missed, Precision: wilson(right, right+wrong), Recall: wilson(right, right+missed)}
	j := wilson(right, right+wrong+missed)
	f := func(x float64) float64 { return 2 * x / (1 + x) }
	e.F1 = Rate{f(j.Value), f(j.Low), f(j.High)}
	return e
}

// wilson is the share of right ones among n. Of none all are right.
func wilson(right, n int) Rate {
	if n == 0 {
		return Rate{1, 0, 1}
	}
	const z = 1.959964
	m := float64(n)
	p := float64(right) / m
	mid, half := p+z*z/(2*m), z*math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return Rate{p, max((mid-half)/(1+z*z/m), 0), min((mid+half)/(1+z*z/m), 1)}
}
