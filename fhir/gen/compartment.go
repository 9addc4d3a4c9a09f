package main

import (
	"cmp"
	"fmt"
	"slices"
)

// link is the paths to the references of a type that put it into a compartment.
type link struct {
	typ   string
	paths []string
}

func readCompartment(params map[string][]param, name string) ([]link, error) {
	var def struct {
		Resource []struct {
			Code  string
			Param []string
		}
	}
	if err := load(name, &def); err != nil {
		return nil, err
	}
	var out []link
	for _, r := range def.Resource {
		if len(r.Param) == 0 {
			continue
		}
		l := link{typ: r.Code}
		for _, n := range r.Param {
			i := slices.IndexFunc(params[r.Code], func(p param) bool { return p.Name == n })
			if i < 0 {
				return nil, fmt.Errorf("compartment: no parameter %s of %s", n, r.Code)
			}
			for _, p := range params[r.Code][i].Paths {
				if p.Form != "Reference" || p.List != "" {
					return nil, fmt.Errorf("compartment: %s of %s is no plain reference", n, r.Code)
				}
				if !slices.Contains(l.paths, p.At) {
					l.paths = append(l.paths, p.At)
				}
			}
		}
		slices.Sort(l.paths)
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b link) int { return cmp.Compare(a.typ, b.typ) })
	return out, nil
}
