// Observations put together by what they measure, and their values by unit: two units never share a line.

import { timeOf } from "./dates.js";
import { codes, concept, conflictsOf, dateOf, list, object, quantity, text, unitName } from "./fhir.js";
import { inError } from "./lines.js";

const loinc = "http://loinc.org";
const ucum = "http://unitsofmeasure.org";

/**
 * @param {Resource[]} observations
 * @returns {Measurement[]} by name
 */
export function measurements(observations) {
  /** @type {Map<string, Resource[]>} */
  const groups = new Map();
  /** @type {Map<string, string>} */
  const keyOf = new Map();
  for (const o of observations) {
    // One observation may have several codes.
    const names = [...loincOf(o).map((c) => "loinc " + c), "text " + concept(o["code"]).toLowerCase()];
    const key = names.map((n) => keyOf.get(n)).find(Boolean) ?? names[0];
    for (const n of names) if (!keyOf.has(n)) keyOf.set(n, key);
    groups.set(key, [...groups.get(key) ?? [], o]);
  }
  const out = [...groups].map(([key, all]) => {
    const latest = all.find((o) => !inError(o)) ?? all[0];
    return { key, name: concept(latest["code"]) || "Not named", latest, all, series: seriesOf(all) };
  });
  // A short name that two measurements would share tells too little: glucose in blood is not glucose in serum.
  const short = out.map((m) => shortName(m.name));
  return out.map((m, i) => short.filter((n) => n === short[i]).length > 1 ? m : { ...m, name: short[i] }).sort((a, b) => a.name.localeCompare(b.name));
}

/**
 * LOINC codes without the check digit, which some sources leave out and which adds nothing.
 * @param {Fields} o with a code
 */
function loincOf(o) {
  return codes(o["code"], loinc).map((c) => c.replace(/-\d$/, ""));
}

/**
 * LOINC's long names as people say them.
 * @param {string} name
 */
export function shortName(name) {
  return name.replace(/ panel with all children optional$/, "").replace(/ \[[^\]]*\]( in Serum or Plasma| in Blood| of Blood)?( by (Automated count|calculation|pulse oximetry))?/i, "")
    .replace(/ in Arterial blood by Pulse oximetry$/i, "").replace(/ \[Reported\]$/, "");
}

/**
 * @param {Resource[]} all
 * @returns {Series[]}
 */
function seriesOf(all) {
  /** @type {{part: string, name: string, q: Fields, holder: Fields, o: Resource}[]} */
  const values = all.filter((o) => !inError(o)).flatMap((o) => [
    { part: "", name: "", q: object(o["valueQuantity"]), holder: /** @type {Fields} */ (o), o },
    ...list(o["component"]).map(object).map((c) => ({ part: loincOf(c)[0] ?? concept(c["code"]).toLowerCase(), name: concept(c["code"]), q: object(c["valueQuantity"]), holder: c, o })),
  ]).filter((v) => typeof v.q["value"] === "number" && !Number.isNaN(timeOf(dateOf(v.o))));
  // A unit that some source wrote as code and as words tells what the words alone mean.
  /** @type {Map<string, string>} */
  const codeOf = new Map();
  for (const { q } of values) if (q["system"] === ucum && text(q["code"]) && text(q["unit"])) codeOf.set(text(q["unit"]), text(q["code"]));
  /** @type {Map<string, Series>} */
  const series = new Map();
  for (const { part, name, q, holder, o } of values) {
    const unit = text(q["unit"]) || text(q["code"]);
    const code = q["system"] === ucum && text(q["code"]) || codeOf.get(unit) || unit;
    const key = part + "\0" + code;
    const s = series.get(key) ?? { name, unit: unitName(unit), points: [], low: null, high: null };
    series.set(key, s);
    const range = object(list(holder["referenceRange"])[0]);
    const low = object(range["low"])["value"], high = object(range["high"])["value"];
    if (!s.points.length) { // the newest says what is normal
      s.low = typeof low === "number" ? low : null;
      s.high = typeof high === "number" ? high : null;
    }
    s.points.push({ at: timeOf(dateOf(o)), date: dateOf(o), value: /** @type {number} */ (q["value"]), text: quantity(q), resource: o, open: text(q["comparator"]) !== "", disputed: conflictsOf(o).length > 0 });
  }
  for (const s of series.values()) s.points.sort((a, b) => a.at - b.at);
  return [...series.values()].sort((a, b) => b.points.length - a.points.length);
}

/**
 * The value of an observation as a person reads it.
 * @param {Resource} o
 */
export function valueOf(o) {
  const parts = list(o["component"]).map(object);
  if (parts.length && !hasValue(o)) {
    const q = parts.map((c) => object(c["valueQuantity"]));
    const bp = ["8480", "8462"].map((code) => parts.find((c) => loincOf(c).includes(code)));
    if (bp[0] && bp[1]) return `${quantity({ ...object(bp[0]["valueQuantity"]), unit: "", code: "" })} / ${quantity(bp[1]["valueQuantity"])}`;
    return parts.map((c, i) => `${concept(c["code"])} ${quantity(q[i]) || one(c)}`).join(", ");
  }
  return one(o);
}

/** @param {Fields} o */
function hasValue(o) { return Object.keys(o).some((k) => k.startsWith("value")); }

/** @param {Fields} o */
function one(o) {
  const q = quantity(o["valueQuantity"]);
  if (q) return q;
  if (o["valueCodeableConcept"]) return concept(o["valueCodeableConcept"]);
  for (const k of ["valueString", "valueDateTime", "valueTime"]) if (text(o[k])) return text(o[k]);
  if (typeof o["valueBoolean"] === "boolean") return o["valueBoolean"] ? "yes" : "no";
  if (typeof o["valueInteger"] === "number") return String(o["valueInteger"]);
  const range = object(o["valueRange"]), ratio = object(o["valueRatio"]);
  if (o["valueRange"]) return [quantity(range["low"]), quantity(range["high"])].filter(Boolean).join(" to ");
  if (o["valueRatio"]) return `${quantity(ratio["numerator"])} : ${quantity(ratio["denominator"])}`;
  return concept(o["dataAbsentReason"]) ? `no value: ${concept(o["dataAbsentReason"]).toLowerCase()}` : "no value";
}

/** @type {Map<string, Badge>} */
const flags = new Map(Object.entries({
  H: { text: "▲ High", kind: "warn" }, L: { text: "▼ Low", kind: "warn" }, HH: { text: "▲▲ Critically high", kind: "bad" }, LL: { text: "▼▼ Critically low", kind: "bad" },
  HU: { text: "▲ High", kind: "warn" }, LU: { text: "▼ Low", kind: "warn" }, A: { text: "Abnormal", kind: "warn" }, AA: { text: "Critically abnormal", kind: "bad" },
  POS: { text: "Positive", kind: "warn" }, R: { text: "Resistant", kind: "warn" }, DET: { text: "Detected", kind: "warn" },
}));

/**
 * What the source says of a value: high, low, critical. It is not worked out here.
 * @param {Resource} o
 */
export function flagsOf(o) {
  return [...new Set(codes(o["interpretation"]))].flatMap((c) => flags.get(c) ?? []);
}

/** @param {Resource} o */
export function rangeOf(o) {
  const r = object(list(o["referenceRange"])[0]);
  const low = quantity({ ...object(r["low"]), unit: "", code: "" }), high = quantity({ ...object(r["high"]), unit: "", code: "" });
  return low && high ? `${low} – ${high}` : low ? `≥ ${low}` : high ? `≤ ${high}` : text(r["text"]);
}
