package validate

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

const xhtmlNamespace = "http://www.w3.org/1999/xhtml"

// narrative says what is wrong with the XHTML of a narrative; "" for nothing. It must be well-formed, one div, made of the
// elements that format text and of those alone, and have content (txt-1 and txt-2, https://hl7.org/fhir/R4/narrative.html).
func narrative(s string) string {
	d := xml.NewDecoder(strings.NewReader(s))
	d.Entity = xml.HTMLEntity
	depth, content, ended := 0, false, false
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "this must be well-formed XHTML"
		}
		switch t := t.(type) {
		case xml.StartElement:
			if ended || depth == 0 && t.Name.Local != "div" || t.Name.Space != xhtmlNamespace {
				return "a narrative must be one div in the namespace of XHTML"
			}
			if !formats(t) {
				return "a narrative has an element or an attribute that it may not have (txt-1)"
			}
			content = content || t.Name.Local == "img"
			depth++
		case xml.EndElement:
			depth--
			ended = depth == 0
		case xml.CharData:
			blank := strings.TrimSpace(string(t)) == ""
			if depth == 0 && !blank {
				return "a narrative must be one div in the namespace of XHTML"
			}
			content = content || !blank
		case xml.Directive, xml.ProcInst:
			return "a narrative may have no declarations and no processing instructions (txt-1)"
		}
	}
	switch {
	case !ended:
		return "a narrative must be one div in the namespace of XHTML"
	case !content:
		return "a narrative must have some text or an image (txt-2)"
	}
	return ""
}

// formats tells whether an element is one that formats text, and runs no script.
func formats(t xml.StartElement) bool {
	const elements = "|a|abbr|acronym|address|area|b|bdo|big|blockquote|br|caption|cite|code|col|colgroup|dd|dfn|div|dl|dt|em|" +
		"h1|h2|h3|h4|h5|h6|hr|i|img|kbd|li|map|ol|p|pre|q|samp|small|span|strong|sub|sup|table|tbody|td|tfoot|th|thead|tr|tt|ul|var|"
	if !listed(elements, t.Name.Local) {
		return false
	}
	for _, a := range t.Attr {
		if len(a.Name.Local) > 2 && strings.EqualFold(a.Name.Local[:2], "on") {
			return false
		}
	}
	return true
}
