package drills

import (
	"strings"
	"time"

	"concord/testharness/fakeehr"
)

// Drill is one way to break what is between the gateway and an EHR, or the EHR itself.
type Drill struct {
	Name string
	// Breaks tells that no answer can come while it lasts, so that the source must be named as missing; otherwise it depends on
	// the time that there is.
	Breaks bool
	begin  func(*Site) error
	end    func(*Site) error
}

// Begin breaks a site; end, which is called once, mends it.
func (d Drill) Begin(s *Site) (end func() error, err error) {
	return func() error { return d.end(s) }, d.begin(s)
}

// All are the drills.
func All() []Drill {
	return []Drill{
		toxic("latency", false, `"type":"latency","attributes":{"latency":60}`),
		toxic("latency above the budget", true, `"type":"latency","attributes":{"latency":5000}`),
		toxic("jitter", false, `"type":"latency","attributes":{"latency":80,"jitter":80}`),
		toxic("bandwidth", false, `"type":"bandwidth","attributes":{"rate":40}`),
		toxic("slow close", false, `"type":"slow_close","attributes":{"delay":1500}`),
		toxic("small pieces", false, `"type":"slicer","attributes":{"average_size":200,"size_variation":100,"delay":200}`),
		toxic("reset", true, `"type":"reset_peer","attributes":{"timeout":0}`),
		toxic("cut bodies", false, `"type":"limit_data","attributes":{"bytes":1500}`),
		toxic("black hole", true, `"type":"timeout","attributes":{"timeout":0}`),
		toxic("black hole of requests", true, `"stream":"upstream","type":"timeout","attributes":{"timeout":0}`),
		{"refused", true, func(s *Site) error { return s.way.refuse() }, func(s *Site) error { return s.way.accept() }},
		{"name gone", true, func(s *Site) error {
			s.names.Set(s.host, true)
			return s.way.cut()
		}, func(s *Site) error {
			s.names.Set(s.host, false)
			return nil
		}},
		{"certificate expired", true, func(s *Site) error {
			s.expired.Store(true)
			return s.way.cut()
		}, func(s *Site) error {
			s.expired.Store(false)
			return nil
		}},
		{"token server down", true, func(s *Site) error {
			s.EHR.Set(fakeehr.Fault{Kind: fakeehr.TokenDown})
			s.EHR.ExpireTokens()
			return nil
		}, heal},
		{"clock ahead", true, skewed(2 * time.Hour), straight},
		{"clock behind", true, skewed(-2 * time.Hour), straight},
	}
}

func heal(s *Site) error {
	s.EHR.Clear()
	return nil
}

// skewed sets the EHR's clock wrong: its tokens are over, or not yet good, and so is what asks for new ones.
func skewed(d time.Duration) func(*Site) error {
	return func(s *Site) error {
		s.skew.Store(int64(d))
		s.EHR.ExpireTokens()
		return nil
	}
}

func straight(s *Site) error {
	s.skew.Store(0)
	return nil
}

// toxic is a fault of the network, by the proxy's own description.
func toxic(name string, breaks bool, what string) Drill {
	id := strings.ReplaceAll(name, " ", "-")
	return Drill{name, breaks, func(s *Site) error {
		return s.way.add(fault{id, `{"name":"` + id + `",` + what + `}`})
	}, func(s *Site) error {
		return s.way.remove(id)
	}}
}
