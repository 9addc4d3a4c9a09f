// Any FHIR element in words, for looking at copies side by side.

import { timeOf, showDate } from "./dates.js";
import { digitsOf } from "./digits.js";
import { concept, display, list, object, personName, quantity, referenceOf, text } from "./fhir.js";
import { recordNumbers } from "./find.js";
import { dose } from "./lines.js";
import { elementName } from "./words.js";

/** Elements that tell of the record and not of the patient. */
const technical = new Set(["resourceType", "id", "meta", "text", "contained", "extension", "modifierExtension", "implicitRules", "language", "identifier", "link", "subject", "patient", "encounter"]);

/** Elements of elements that say enough without their name. */
const plainKeys = new Set(["text", "author", "individual", "actor", "location", "condition", "manifestation", "value", "code", "contentType", "description"]);

/**
 * The elements of a resource that say something, by name, in the order of the source.
 * @param {Resource} r
 * @param {(ref: string) => string} nameOf what a reference leads to; "" when it is not known
 * @returns {Map<string, string>}
 */
export function elements(r, nameOf) {
  /** @type {Map<string, string>} */
  const out = new Map();
  for (const name of Object.keys(r)) {
    if (technical.has(name) || name.startsWith("_")) continue;
    const words = say(r, name, 0, nameOf);
    if (words) out.set(label(name), words);
  }
  const numbers = r.resourceType === "Patient" ? recordNumbers(r).join("; ") : "";
  if (numbers) out.set("Record numbers", numbers);
  return out;
}

/**
 * value[x] is Value, whatever its type.
 * @param {string} name
 */
function label(name) {
  const choice = /^(value|effective|onset|abatement|performed|occurrence|medication|deceased|multipleBirth|reported)[A-Z]/.exec(name);
  return elementName(choice ? choice[1] : name);
}

/**
 * @param {any} holder
 * @param {string | number} name
 * @param {number} depth
 * @param {(ref: string) => string} nameOf
 * @returns {string}
 */
function say(holder, name, depth, nameOf) {
  const v = holder[name];
  if (depth > 6) return "";
  if (typeof v === "number") return digitsOf(holder, name);
  if (typeof v === "boolean") return v ? "yes" : "no";
  if (typeof v === "string") return /^\d{4}-\d\d/.test(v) ? showDate(v) : v;
  if (Array.isArray(v)) return [...new Set(v.map((_, i) => say(v, i, depth + 1, nameOf)).filter(Boolean))].join("; ");
  const o = object(v);
  if ("coding" in o) return concept(o);
  if (typeof o["value"] === "number") return quantity(o);
  if ("family" in o || "given" in o) return personName(o);
  if ("doseAndRate" in o || "timing" in o) return dose(o);
  if ("start" in o || "end" in o) return [text(o["start"]), text(o["end"])].map((d) => d ? showDate(d) : "…").join(" to ");
  if ("low" in o || "high" in o) return text(o["text"]) || [quantity(o["low"]), quantity(o["high"])].map((q) => q || "…").join(" to ");
  if ("line" in o || "city" in o) return [...list(o["line"]), o["city"], o["state"], o["postalCode"]].map(text).filter(Boolean).join(", ");
  if ("attachment" in o) return text(object(o["attachment"])["title"]) || text(object(o["attachment"])["contentType"]);
  if ("reference" in o) return display(o) || nameOf(referenceOf(o)) || elementName(referenceOf(o).replace(/\/.*/, ""));
  if (typeof o["display"] === "string") return o["display"];
  return Object.keys(o).filter((k) => !technical.has(k) && !k.startsWith("_") && k !== "sequence").map((k) => [k, say(o, k, depth + 1, nameOf)])
    .filter(([, words]) => words).map(([k, words]) => plainKeys.has(k) ? words : `${elementName(k).toLowerCase()}: ${words}`).join(", ");
}

/**
 * Tells whether copies say different things. What a copy does not say is no difference, and neither is a day against an
 * instant of that day.
 * @param {string[]} told
 */
export function differ(told) {
  const said = told.filter(Boolean).map((t) => t.trim().toLowerCase().replace(/\s+/g, " "));
  return said.some((a) => said.some((b) => a !== b && !a.startsWith(b + ",") && !b.startsWith(a + ",") && !sameInstant(a, b)));
}

/** @param {string} a @param {string} b */
function sameInstant(a, b) {
  const x = timeOf(a), y = timeOf(b);
  return !Number.isNaN(x) && x === y;
}
