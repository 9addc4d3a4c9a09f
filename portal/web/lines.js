// A resource as a line of the chart.

import { showDate } from "./dates.js";
import { codes, concept, dateOf, display, list, maybeRepeated, object, quantity, referenceOf, text } from "./fhir.js";
import { elementName } from "./words.js";

/** SNOMED CT: that there is no allergy, no drug allergy, and so on. */
const noneKnown = ["716186003", "409137002", "428607008", "429625007", "428197003"];

/**
 * Tells whether an allergy says that there is none.
 * @param {Resource} r
 */
export function saysNone(r) {
  return codes(r["code"]).some((c) => noneKnown.includes(c)) || /^(no known|nka\b|nkda\b)/i.test(concept(r["code"]));
}

/** @param {Resource} r */
export function inError(r) {
  return r["status"] === "entered-in-error" || codes(r["verificationStatus"]).includes("entered-in-error");
}

/**
 * @param {Resource} r
 * @param {Map<string, Resource>} included
 * @returns {Line}
 */
export function lineOf(r, included) {
  const date = dateOf(r);
  /** @type {Line} */
  const line = { resource: r, title: "", details: [], badges: [], date };
  if (Object.hasOwn(readers, r.resourceType)) readers[r.resourceType](line, included);
  line.title ||= concept(r["code"]) || "Not named";
  line.details = line.details.filter(Boolean);
  if (inError(r)) line.badges.unshift({ text: "Entered in error", kind: "plain" });
  if (maybeRepeated(r)) line.badges.push({ text: "Possible repeat", kind: "plain" });
  return line;
}

/** @type {{[type: string]: (line: Line, included: Map<string, Resource>) => void}} */
const readers = {
  AllergyIntolerance(line) {
    const r = line.resource;
    for (const x of list(r["reaction"]).map(object)) {
      const what = list(x["manifestation"]).map(concept).filter(Boolean).join(", ") || text(x["description"]);
      line.details.push([what, x["severity"] ? `(${text(x["severity"])})` : ""].filter(Boolean).join(" "));
    }
    if (r["criticality"] === "high") line.badges.push({ text: "High risk", kind: "bad" });
    else if (text(r["criticality"]) && !saysNone(r)) line.details.push(`${elementName(text(r["criticality"]))} risk`);
    states(line, r["clinicalStatus"], ["active"]);
    states(line, r["verificationStatus"], ["confirmed", "entered-in-error"]);
    if (line.date) line.details.push(`recorded ${showDate(line.date, false)}`);
    for (const n of list(r["note"]).map(object)) line.details.push(text(n["text"]));
  },
  Condition(line) {
    const r = line.resource;
    const onset = text(r["onsetDateTime"]) || text(r["onsetString"]) || text(object(r["onsetPeriod"])["start"]) || quantity(r["onsetAge"]);
    if (onset) line.details.push(`since ${showDate(onset, false)}`);
    else if (line.date) line.details.push(`recorded ${showDate(line.date, false)}`);
    const end = text(r["abatementDateTime"]) || text(r["abatementString"]) || text(object(r["abatementPeriod"])["end"]);
    if (end) line.details.push(`until ${showDate(end, false)}`);
    line.details.push(concept(r["severity"]), ...list(r["bodySite"]).map(concept));
    states(line, r["clinicalStatus"], ["active"]);
    states(line, r["verificationStatus"], ["confirmed", "entered-in-error"]);
  },
  MedicationRequest(line, included) {
    const r = line.resource;
    line.title = medication(r, included);
    line.details.push(...list(r["dosageInstruction"]).map(dose));
    if (line.date) line.details.push(["prescribed", showDate(line.date, false), by(display(r["requester"]))].filter(Boolean).join(" "));
    if (r["doNotPerform"] === true) line.badges.push({ text: "Do not give", kind: "bad" });
    status(line, ["active", "completed"]);
  },
  MedicationStatement(line, included) {
    const r = line.resource;
    line.title = medication(r, included);
    line.details.push(...list(r["dosage"]).map(dose), ["stated", showDate(line.date, false), by(display(r["informationSource"]))].filter(Boolean).join(" "));
    status(line, ["active", "completed"]);
  },
  Immunization(line) {
    const r = line.resource;
    line.title = concept(r["vaccineCode"]);
    const numbers = list(r["protocolApplied"]).map(object).map((p) => p["doseNumberPositiveInt"] ?? p["doseNumberString"]).filter(Boolean);
    line.details.push(showDate(line.date || text(r["occurrenceString"]), false), numbers.length ? `dose ${numbers.join(", ")}` : "", concept(r["site"]),
      text(r["lotNumber"]) ? `lot ${text(r["lotNumber"])}` : "", display(r["manufacturer"]));
    if (r["status"] === "not-done") line.badges.push({ text: "Not given", kind: "bad" });
    line.details.push(concept(r["statusReason"]));
  },
  Encounter(line) {
    const r = line.resource;
    const kind = text(object(r["class"])["display"]) || text(object(r["class"])["code"]);
    line.title = list(r["type"]).map(concept).filter(Boolean)[0] || elementName(kind || "encounter");
    const staff = list(r["participant"]).map((p) => display(object(p)["individual"])).filter(Boolean);
    const place = list(r["location"]).map((l) => display(object(l)["location"])).filter(Boolean)[0] || display(r["serviceProvider"]);
    const end = text(object(r["period"])["end"]);
    line.details.push(kind, place ?? "", staff.join(", "), list(r["reasonCode"]).map(concept).filter(Boolean).join(", "), days(line.date, end));
    status(line, ["finished"]);
  },
  Procedure(line) {
    const r = line.resource;
    line.details.push(...list(r["performer"]).map((p) => display(object(p)["actor"])), ...list(r["bodySite"]).map(concept), display(r["location"]));
    if (r["status"] === "not-done") line.badges.push({ text: "Not done", kind: "bad" });
    else status(line, ["completed"]);
  },
  DocumentReference(line) {
    const r = line.resource;
    line.title = concept(r["type"]) || text(r["description"]) || "Document";
    line.details.push(showDate(line.date), list(r["author"]).map(display).filter(Boolean).join(", "), text(r["description"]) === line.title ? "" : text(r["description"]));
    if (text(r["docStatus"]) && r["docStatus"] !== "final") line.badges.push({ text: elementName(text(r["docStatus"])), kind: "warn" });
    status(line, ["current"]);
  },
  DiagnosticReport(line) {
    const r = line.resource;
    line.details.push(showDate(line.date), list(r["performer"]).map(display).filter(Boolean).join(", "), text(r["conclusion"]));
    status(line, ["final"]);
  },
  Observation(line) {
    const r = line.resource;
    line.details.push(showDate(line.date), list(r["performer"]).map(display).filter(Boolean).join(", "));
    status(line, ["final"]);
  },
};

/**
 * A state that is not the one that goes without saying.
 * @param {Line} line
 * @param {unknown} concept
 * @param {string[]} usual
 */
function states(line, concept, usual) {
  for (const c of codes(concept)) {
    if (!usual.includes(c)) line.badges.push({ text: elementName(c), kind: c === "refuted" ? "bad" : "plain" });
  }
}

/** @param {Line} line @param {string[]} usual */
function status(line, usual) {
  const s = text(line.resource["status"]);
  if (s && s !== "entered-in-error" && !usual.includes(s)) line.badges.push({ text: elementName(s), kind: s === "preliminary" || s === "unknown" ? "warn" : "plain" });
}

/** @param {string} who */
function by(who) { return who ? `by ${who}` : ""; }

/** @param {string} start @param {string} end */
function days(start, end) {
  const a = showDate(start, false), b = showDate(end, false);
  return b && a !== b ? `until ${b}` : "";
}

/**
 * @param {Resource} r
 * @param {Map<string, Resource>} included
 */
function medication(r, included) {
  const to = referenceOf(r["medicationReference"]);
  const inside = list(r["contained"]).map(object).find((c) => to === "#" + text(c["id"]));
  return concept(r["medicationCodeableConcept"]) || concept((inside ?? included.get(to))?.["code"]) || display(r["medicationReference"]);
}

/**
 * A dosage as the prescriber wrote it, or put together from its parts.
 * @param {unknown} v
 */
export function dose(v) {
  const d = object(v);
  const written = text(d["text"]) || text(d["patientInstruction"]);
  if (written) return written;
  const amounts = list(d["doseAndRate"]).map(object).map((x) => quantity(x["doseQuantity"]));
  const repeat = object(object(d["timing"])["repeat"]);
  const often = repeat["period"] ? `${text(repeat["frequency"]) || repeat["frequency"] || 1} per ${repeat["period"]} ${text(repeat["periodUnit"])}` : concept(object(d["timing"])["code"]);
  return [...amounts, concept(d["route"]), often, d["asNeededBoolean"] === true ? "as needed" : ""].filter(Boolean).join(", ");
}
