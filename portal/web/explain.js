// Why copies were taken for one, in words, from the gateway's $explain: it names what agreed, and no value.

import { h } from "./dom.js";
import { sourceOf } from "./fhir.js";
import { parametersOf } from "./params.js";
import { conflict, elementName, row, sourceName } from "./words.js";

/** @typedef {ReturnType<typeof explanationOf>} Explanation */

/** @param {Resource} r the Parameters of $explain */
export function explanationOf(r) {
  const p = parametersOf(r);
  const others = (/** @type {string} */ name) => p.parts(name).map((o) => ({ with: o.one("with"), in: o.all("in"), reason: o.one("reason"), agreed: o.all("agreed") }));
  return {
    strength: p.one("strength"), agreed: p.all("agreed"), some: p.all("agreedBySome"), conflicts: others("conflict"), repeats: others("possibleDuplicate"), more: p.truth("more"),
    gained: p.parts("gained").map((g) => ({ from: g.one("from"), elements: g.all("element") })),
  };
}

/** @type {Map<string, string>} */
const strengths = new Map(Object.entries({
  exactly: "Every copy says the same in what was compared.",
  nearly: "The copies say the same within what rounding, time zones and ways of writing can do.",
  loosely: "The copies fit together, and neither source had another entry that would: for example a day here and a time there, or words here and a code there.",
  index: "The patient index holds these records to be one person's.",
}));

/** @param {string[]} names */
const words = (names) => row(names.map((n) => elementName(n).toLowerCase()));

/**
 * @param {Explanation} x
 * @param {(ref: string) => string} nameOf what a reference leads to
 */
export function explained(x, nameOf) {
  const entry = (/** @type {string} */ ref) => [nameOf(ref) || "another entry", ` at ${sourceName(sourceOf(ref))}`];
  const lines = [
    strengths.get(x.strength) ?? "",
    x.agreed.length ? `All copies agree in ${words(x.agreed)}.` : "",
    x.some.length ? `Some of them agree in ${words(x.some)} too; the others do not say it.` : "",
    ...x.gained.filter((g) => g.elements.length).map((g) => `From ${sourceName(sourceOf(g.from))}'s copy the entry has ${words(g.elements.map((e) => e.split(".").pop() ?? e))}.`),
  ].filter(Boolean);
  const list = [
    ...x.conflicts.map((o) => h("li", {}, "It disagrees with ", entry(o.with), ": ", row(o.in.map((c) => conflict(c).toLowerCase())), ".")),
    ...x.repeats.map((o) => h("li", {}, "It may be the same as ", entry(o.with), ".")),
    x.more ? h("li", {}, "There are more of these.") : null,
  ];
  if (!lines.length && !list.some(Boolean)) return null;
  return h("details", { class: "raw explained", open: true }, h("summary", {}, "Why this is one entry"),
    lines.map((l) => h("p", {}, l)), list.some(Boolean) ? h("ul", {}, list) : null);
}
