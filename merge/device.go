package merge

import (
	"strings"

	"concord/fhir"
)

// device: the same identifier, or the same model and serial number of a UDI. The model alone is many devices, and so is a
// lot.
func device() Rule { return deviceRule{} }

type deviceRule struct{}

// Name is the resource type.
func (deviceRule) Name() string { return string(fhir.TypeDevice) }

// Read reads the UDI.
func (deviceRule) Read(c Copy, w *World) Facts {
	f := w.begin(c)
	if w.opaque() {
		return f
	}
	f.standing = standingOf(&f)
	w.ids(&f, "identifier")
	w.endIDs(&f)
	w.keys = append(w.keys, udis(c)...)
	w.end(&f)
	return f
}

// udis are keys of model and serial number.
func udis(c Copy) (out []Key) {
	serial := strings.TrimSpace(c.Get("serialNumber").Text())
	for u := range c.Get("udiCarrier").Items() {
		di := strings.TrimLeft(strings.TrimSpace(u.Get("deviceIdentifier").Text()), "0")
		scannedDI, scannedSerial := udiParts(u.Get("carrierHRF").Text())
		if di == "" {
			di = scannedDI
		}
		s := serial
		if s == "" {
			s = scannedSerial
		}
		if di != "" && s != "" && !placeholder(fold(s)) {
			out = append(out, digest("udi", di, strings.ToUpper(s)))
		}
	}
	return out
}

// udiParts are model and serial number of a UDI as GS1 writes it for people: (01)… and (21)….
func udiParts(s string) (di, serial string) {
	for _, part := range strings.Split(s, "(") {
		id, value, ok := strings.Cut(part, ")")
		if !ok {
			continue
		}
		switch id {
		case "01":
			di = strings.TrimLeft(strings.TrimSpace(value), "0")
		case "21":
			serial = strings.TrimSpace(value)
		}
	}
	return di, serial
}

// Compare says what two copies are to each other.
func (deviceRule) Compare(a, b *Facts) Verdict {
	p := pair{a: a, b: b, same: sameIdentity(a, b)}
	v := Verdict{Relation: Exactly, Agreed: p.same}
	x, y := udis(a.Copy), udis(b.Copy)
	switch {
	case overlap(x, y):
		v.Agreed |= byIdentifier
	case p.same == 0, len(x) > 0 && len(y) > 0:
		return Verdict{}
	}
	for _, c := range [...]check{negation, apart("serialNumber", 0), apart("lotNumber", byLot), apart("type", byType), status} {
		if !v.apply(c(&p)) {
			return Verdict{}
		}
	}
	return v.settle()
}
