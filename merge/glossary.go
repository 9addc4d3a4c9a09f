package merge

import (
	"slices"

	"concord"
)

// conceptKey finds a concept that was read before: a record says few things many times, and each source in its own way.
type conceptKey struct {
	source concord.SourceID
	raw    string
}

// makeGlossary tells concepts which standard codes their words, and codes of the sites' own, stand for, as the copies that
// have both say themselves: where one source sends a code and another the words alone, a third, or one of the two at
// another time, has both. It is made anew for each type, once all its copies were read. Words count for all sources, a
// site's codes for that site.
func (w *World) makeGlossary() {
	entries := map[Key][]coded{}
	add := func(k Key, codes []coded) {
		for _, c := range codes {
			if !hasCode(entries[k], c.key) {
				entries[k] = append(entries[k], c)
			}
		}
	}
	for k, c := range w.concepts {
		if len(c.codes) == 0 {
			continue
		}
		for _, t := range c.texts {
			add(t, c.codes)
		}
		for _, t := range c.locals {
			add(t.with(string(k.source)), c.codes)
		}
		for _, x := range c.codes { // a code of another system that stands beside it
			if len(c.codes) > 1 {
				add(x.key, c.codes)
			}
		}
	}
	for k, c := range w.concepts {
		c.gloss = slices.Clip(c.gloss) // what was cut off
		for _, t := range c.texts {
			c.gloss = union(c.gloss, entries[t])
		}
		for _, t := range c.locals {
			c.gloss = union(c.gloss, entries[t.with(string(k.source))])
		}
		for _, x := range c.codes {
			c.gloss = union(c.gloss, entries[x.key])
		}
		c.known = sole(c.gloss)
	}
}

// union is a and what b has beyond it.
func union(a, b []coded) []coded {
	for _, c := range b {
		if !hasCode(a, c.key) {
			a = append(a, c)
		}
	}
	return a
}

// sole is those of codes that are the only one of their system.
func sole(codes []coded) (out []coded) {
	for i, c := range codes {
		if c.sys != otherSystem && !slices.ContainsFunc(codes, func(o coded) bool { return o.sys == c.sys && o.key != codes[i].key }) {
			out = append(out, c)
		}
	}
	return out
}
