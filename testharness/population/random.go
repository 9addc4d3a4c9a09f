package population

import (
	"math/rand/v2"
	"strconv"
)

// Every decision is drawn from a stream of its own, named by what is decided and for whom. So one more decision
// somewhere moves no other, and a kind of noise can be turned off alone.

const fnvOffset, fnvPrime = 14695981039346656037, 1099511628211

// hash mixes a seed and labels into 64 well spread bits.
func hash(seed uint64, labels ...string) uint64 {
	h := uint64(fnvOffset) ^ seed*0x9E3779B97F4A7C15
	for _, l := range labels {
		for i := 0; i < len(l); i++ {
			h = (h ^ uint64(l[i])) * fnvPrime
		}
		h = (h ^ 0xFF) * fnvPrime
	}
	h ^= h >> 30
	h *= 0xBF58476D1CE4E5B9
	h ^= h >> 27
	h *= 0x94D049BB133111EB
	return h ^ h>>31
}

type seed uint64

// stream is the generator of one decision.
func (s seed) stream(labels ...string) *rand.Rand {
	h := hash(uint64(s), labels...)
	return rand.New(rand.NewPCG(h, h^0xD1B54A32D192ED03)) //nolint:gosec // a population is to be made again from its seed
}

// coin is true with probability p.
func (s seed) coin(p float64, labels ...string) bool {
	return float64(hash(uint64(s), labels...)>>11)/(1<<53) < p
}

// pick is a number below n.
func (s seed) pick(n int, labels ...string) int {
	return int(hash(uint64(s), labels...) % uint64(n))
}

func choose[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func digits(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('0' + r.IntN(10))
	}
	return string(b)
}

func itoa(n int) string { return strconv.Itoa(n) }
