package match_test

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"concord/mpi"
	"concord/mpi/match"
)

// candidates are pairs as blocking finds them: of ten, six have the birth date in common, two the household, one both names,
// and one is one person's with a slip.
func candidates(n int) (a, b []match.Record) {
	r := rand.New(rand.NewPCG(3, 4))
	pick := func(all ...string) string { return all[r.IntN(len(all))] }
	word := func() string {
		return pick("bar", "ken", "lo", "mi", "ros", "ta", "wil", "an", "so") + pick("ber", "da", "ley", "man", "ne", "son", "ter", "ville", "ra") + pick("", "s", "ez", "ski", "ton")
	}
	person := func() mpi.Demographics {
		return mpi.Demographics{
			Names: []mpi.Name{{Family: word(), Given: []string{word(), word()[:1]}}}, Gender: pick("male", "female"),
			BirthDate: fmt.Sprintf("%d-%02d-%02d", 1930+r.IntN(90), 1+r.IntN(12), 1+r.IntN(28)), Phones: []string{fmt.Sprintf("617%07d", 2000000+r.IntN(7999999))},
			Emails: []string{word() + fmt.Sprint(r.IntN(1000)) + "@mail.example.org"}, Identifiers: []mpi.Identifier{ssn(fmt.Sprintf("%03d-%02d-%04d", 100+r.IntN(500), 1+r.IntN(99), 1+r.IntN(9999)))},
			Addresses: []mpi.Address{{Lines: []string{fmt.Sprintf("%d %s street", 1+r.IntN(900), word())}, City: word(), State: "MA", PostalCode: fmt.Sprintf("%05d", 1000+r.IntN(2000))}},
		}
	}
	for i := range n {
		x, y := person(), person()
		switch i % 10 {
		case 0:
			y = x
			y.Names = []mpi.Name{{Family: x.Names[0].Family + "e", Given: x.Names[0].Given}}
		case 1:
			y.Names = x.Names
		case 2, 3:
			y.Names[0].Family, y.Addresses, y.Phones = x.Names[0].Family, x.Addresses, x.Phones
		default:
			y.BirthDate = x.BirthDate
		}
		a, b = append(a, match.Prepare(x)), append(b, match.Prepare(y))
	}
	return a, b
}

// BenchmarkModelCompare reports how many pairs one processor compares in a second of its time.
func BenchmarkModelCompare(b *testing.B) {
	x, y := candidates(4096)
	m := match.Default()
	b.ReportAllocs()
	var u, v syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	i := 0
	for b.Loop() {
		m.Compare(&x[i&4095], &y[i&4095])
		i++
	}
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &v); err != nil {
		b.Fatal(err)
	}
	spent := time.Duration(v.Utime.Nano() + v.Stime.Nano() - u.Utime.Nano() - u.Stime.Nano())
	b.ReportMetric(float64(b.N)/spent.Seconds(), "pairs/cpu-s")
}

func BenchmarkPrepare(b *testing.B) {
	d := john(ids(ssn("412-33-9078"), id("urn:oid:1.2.840.114350.1.13.861.1.7.5.737384.14", "Z6130")))
	b.ReportAllocs()
	for b.Loop() {
		match.Prepare(d)
	}
}
