// Reading FHIR R4. Every reader takes whatever it is given: what a source sent need not have the shape that R4 says.

import { digitsOf } from "./digits.js";

/** @param {unknown} v @returns {unknown[]} */
export function list(v) { return Array.isArray(v) ? v : []; }

/** @param {unknown} v @returns {Fields} */
export function object(v) { return typeof v === "object" && v !== null && !Array.isArray(v) ? /** @type {Fields} */ (v) : {}; }

/** @param {unknown} v @returns {string} */
export function text(v) { return typeof v === "string" ? v : ""; }

/**
 * What a CodeableConcept says to a person.
 * @param {unknown} v
 */
export function concept(v) {
  const c = object(v);
  const codings = list(c["coding"]).map(object);
  const shown = codings.find((x) => text(x["display"]));
  return text(c["text"]).trim() || text(shown?.["display"]) || text(codings[0]?.["code"]);
}

/**
 * The codes of a CodeableConcept, or of a list of them.
 * @param {unknown} v
 * @param {string} [system] all when it is left out
 */
export function codes(v, system) {
  return (Array.isArray(v) ? v : [v]).flatMap((c) => list(object(c)["coding"]).map(object))
    .filter((x) => system === undefined || x["system"] === system).map((x) => text(x["code"])).filter(Boolean);
}

/**
 * A Quantity as a person reads it.
 * @param {unknown} v
 */
export function quantity(v) {
  const q = object(v);
  if (typeof q["value"] !== "number") return "";
  const short = unitName(text(q["unit"]) || text(q["code"]));
  return `${text(q["comparator"])}${digitsOf(q, "value")}${short === "%" ? "" : short ? " " : ""}${short}`;
}

/** @type {Map<string, string>} */
const units = new Map(Object.entries({ "mm[Hg]": "mmHg", Cel: "°C", degC: "°C", "[degF]": "°F", "kg/m2": "kg/m²", "10*3/uL": "10³/uL", "10*6/uL": "10⁶/uL", "10*9/L": "10⁹/L", "10*12/L": "10¹²/L" }));

/**
 * A unit as people write it.
 * @param {string} unit
 */
export function unitName(unit) {
  return units.get(unit) ?? unit.replace(/^\{(.+)\}$/, "$1");
}

/** @param {unknown} v a HumanName */
export function personName(v) {
  const n = object(v);
  const parts = [...list(n["prefix"]), ...list(n["given"]), n["family"], ...list(n["suffix"])].map(text).filter(Boolean);
  return parts.join(" ") || text(n["text"]);
}

/**
 * The name that a person goes by now.
 * @param {Resource} patient
 */
export function mainName(patient) {
  const names = list(patient["name"]).map(object);
  const rank = ["official", "usual", "", "nickname", "maiden", "old"];
  const best = names.filter((n) => !object(n["period"])["end"]).concat(names)
    .sort((a, b) => rank.indexOf(text(a["use"])) - rank.indexOf(text(b["use"])))[0];
  return personName(best) || "No name is recorded";
}

/** @param {unknown} v a Reference */
export function display(v) { return text(object(v)["display"]); }

/** @param {unknown} v a Reference */
export function referenceOf(v) { return text(object(v)["reference"]); }

/**
 * The sources that a resource stands for.
 * @param {Resource} r
 */
export function sourcesOf(r) {
  return tags(r, "urn:concord:source");
}

/**
 * In what its copies and others exclude each other.
 * @param {Resource} r
 */
export function conflictsOf(r) {
  return tags(r, "urn:concord:conflict");
}

/** @param {Resource} r */
export function maybeRepeated(r) {
  return tags(r, "urn:concord:possible-duplicate").length > 0;
}

/**
 * @param {Resource} r
 * @param {string} system
 */
function tags(r, system) {
  const all = list(object(r["meta"])["tag"]).map(object).filter((t) => t["system"] === system).map((t) => text(t["code"]));
  return [...new Set(all)].sort();
}

/**
 * The copies that a resource stands for, as Type/id.
 * @param {Resource} r
 */
export function copiesOf(r) {
  const copies = list(object(r["meta"])["extension"]).map(object).filter((e) => e["url"] === "urn:concord:contributor")
    .map((e) => referenceOf(e["valueReference"])).filter((ref) => /^[A-Za-z]+\/[A-Za-z0-9.-]{1,64}$/.test(ref));
  return [...new Set(copies)];
}

/**
 * The source of a copy. An id that is a stand-in begins with its source's name, too.
 * @param {string} reference
 */
export function sourceOf(reference) {
  return reference.split("/")[1]?.split(".")[0] ?? "";
}

/**
 * When something was, as the source stated it; "" when it did not.
 * @param {Resource} r
 */
export function dateOf(r) {
  const period = (/** @type {string} */ name) => text(object(r[name])["start"]) || text(object(r[name])["end"]);
  switch (r.resourceType) {
    case "Observation": case "DiagnosticReport":
      return text(r["effectiveDateTime"]) || text(r["effectiveInstant"]) || period("effectivePeriod") || text(r["issued"]);
    case "Condition":
      return text(r["onsetDateTime"]) || period("onsetPeriod") || text(r["recordedDate"]);
    case "AllergyIntolerance":
      return text(r["onsetDateTime"]) || text(r["recordedDate"]);
    case "MedicationRequest":
      return text(r["authoredOn"]);
    case "MedicationStatement":
      return text(r["effectiveDateTime"]) || period("effectivePeriod") || text(r["dateAsserted"]);
    case "Immunization":
      return text(r["occurrenceDateTime"]) || text(r["recorded"]);
    case "Encounter":
      return period("period");
    case "Procedure":
      return text(r["performedDateTime"]) || period("performedPeriod");
    case "DocumentReference":
      return text(r["date"]) || text(object(list(object(r["context"])["period"])[0])["start"]);
  }
  return "";
}
