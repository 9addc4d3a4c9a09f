package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"time"
)

// bar is one bar of a chart.
type bar struct {
	label, value string
	length       float64
	ours         bool
}

// panel is a group of bars on one scale.
type panel struct {
	title string
	bars  []bar
	mark  float64 // where a limit is drawn; 0 for none
}

// chart draws what was measured as bars.
func (r *report) chart() []byte {
	var all []panel
	for _, size := range []int{small, large} {
		p := panel{title: fmt.Sprintf("CPU of one answer from 3 × %s, over that of the floor (limit: 5 ×)", sizeName(size)), mark: 5}
		for _, c := range r.costs[size] {
			p.bars = append(p.bars, bar{c.name, fmt.Sprintf("%.1f ×   %.1f ms", c.ratio, c.cpu), c.ratio, c.name == concordName})
		}
		all = append(all, p)
	}
	for _, c := range r.cells {
		if c.clients != 1 || c.delay != 50*time.Millisecond {
			continue
		}
		p := panel{title: fmt.Sprintf("Median latency, 3 × %s from sources that take 50 ms", sizeName(c.size))}
		for i, l := range c.loads {
			d := l.Quantile(0.5)
			p.bars = append(p.bars, bar{c.names[i], ms(d), float64(d) / 1e6, c.names[i] == concordName})
		}
		all = append(all, p)
	}
	p := panel{title: fmt.Sprintf("CPU of Concord for each source of %s", sizeName(many))}
	for _, s := range r.sources {
		if c, ok := find(s.all, concordName); ok {
			each := c.cpu / float64(s.n)
			p.bars = append(p.bars, bar{fmt.Sprintf("%d sources", s.n), fmt.Sprintf("%.2f ms", each), each, true})
		}
	}
	return draw(append(all, p))
}

// draw is an SVG document of the panels, one below the other; those without bars are left out.
func draw(all []panel) []byte {
	const (
		width, left, right = 760, 240, 130
		row, gap           = 22, 40
		most               = width - left - right
	)
	var body bytes.Buffer
	y := 10
	for _, p := range all {
		longest := p.mark
		for _, b := range p.bars {
			longest = max(longest, b.length)
		}
		if len(p.bars) == 0 || longest <= 0 {
			continue
		}
		y += 16
		fmt.Fprintf(&body, `<text x="10" y="%d" class="t">%s</text>`+"\n", y, escaped(p.title))
		y += 10
		top := y
		for _, b := range p.bars {
			class := "o"
			if b.ours {
				class = "c"
			}
			long := max(b.length/longest*most, 1)
			fmt.Fprintf(&body, `<text x="%d" y="%d" class="l">%s</text><rect x="%d" y="%d" width="%.1f" height="%d" class="%s"/><text x="%.1f" y="%d">%s</text>`+"\n",
				left-8, y+15, escaped(b.label), left, y+3, long, row-6, class, left+long+6, y+15, escaped(b.value))
			y += row
		}
		if p.mark > 0 {
			x := left + p.mark/longest*most
			fmt.Fprintf(&body, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" class="m"/>`+"\n", x, top, x, y)
		}
		y += gap - 20
	}
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[2]d" width="%[1]d" height="%[2]d" role="img" aria-label="What an answer costs">
<style>text{font:12px sans-serif;fill:#333}.t{font-weight:bold}.l{text-anchor:end}.o{fill:#9aa7b4}.c{fill:#1769aa}.m{stroke:#c0392b;stroke-width:1.5;stroke-dasharray:4 3}</style>
<rect width="100%%" height="100%%" fill="#fff"/>
%[3]s</svg>
`, width, y, body.Bytes())
}

func escaped(s string) string {
	var b bytes.Buffer
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		return ""
	}
	return b.String()
}
