// Where a line came from: the copies that it stands for, side by side as their sources hold them, and those of the lines
// that it disagrees with.

import { Refusal } from "./api.js";
import { timeOf } from "./dates.js";
import { openDialog } from "./dialog.js";
import { h, notice, put } from "./dom.js";
import { explained, explanationOf } from "./explain.js";
import { codes, conflictsOf, copiesOf, dateOf, mainName, maybeRepeated, sourceOf, sourcesOf } from "./fhir.js";
import { lineOf, saysNone } from "./lines.js";
import { chip } from "./parts.js";
import { differ, elements } from "./saying.js";
import { conflict, count, reason, sourceName, sourceNames, typeName } from "./words.js";

/**
 * Shows the copies of an event that a comparison names.
 * @param {import("./api.js").Api} api
 * @param {import("./chart.js").Chart} chart
 * @param {ComparedEvent} e
 */
export async function showCompared(api, chart, e) {
  const body = openDialog(e.title || typeName(e.type), "wide");
  put(body, h("p", { class: "empty" }, "Reading the copies…"));
  const copies = await Promise.all(e.copies.map((c) => read(api, c.reference)));
  put(body, e.conflicts.map((c) => notice("warn", h("strong", {}, conflict(c) + "."))), h("div", {}, sideBySide(copies, copies.length, (ref) => titleOf(ref, chart))));
}

/**
 * @param {import("./api.js").Api} api
 * @param {import("./chart.js").Chart} chart
 * @param {Resource} r
 */
export async function showCopies(api, chart, r) {
  const body = openDialog(r.resourceType === "Patient" ? mainName(r) : lineOf(r, new Map()).title, "wide");
  const mine = copiesOf(r), nameOf = (/** @type {string} */ ref) => titleOf(ref, chart);
  put(body, h("p", { class: "lead" }, whatItIs(r)), h("p", { class: "empty" }, "Reading the copies…"));
  const [x, own] = await Promise.all([explanation(api, chart, r), Promise.all(mine.map((ref) => read(api, ref)))]);
  const others = x ? entriesOf(x.conflicts.map((c) => c.with), chart) : opponents(r, chart);
  const copies = [...own, ...await Promise.all(others.flatMap(copiesOf).map((ref) => read(api, ref)))];
  put(body, h("p", { class: "lead" }, whatItIs(r)), disagreement(r, others, x !== null), h("div", { class: "copies-table" }, sideBySide(copies, mine.length, nameOf)), x ? explained(x, nameOf) : null);
}

/** @param {Resource} r */
function whatItIs(r) {
  const sources = sourcesOf(r), n = copiesOf(r).length;
  if (r.resourceType === "Patient") return `One person, known by ${count(n, "record")} at ${sourceNames(sources)}.`;
  if (n < 2) return `Only ${sourceNames(sources)} has this.`;
  return `One entry, merged from ${count(n, "copy", "copies")} at ${sourceNames(sources)}. Below is each copy as its source holds it.`;
}

/**
 * @param {Resource} r
 * @param {Resource[]} others
 * @param {boolean} sure the gateway has named them
 */
function disagreement(r, others, sure) {
  const out = conflictsOf(r).map((c) => notice("warn", h("strong", {}, conflict(c) + ". "),
    others.length ? sure ? "The entry that it disagrees with is beside it." : "The entry that seems to be meant is beside it." : "Nothing was merged that disagrees: look for another entry of this kind in the chart."));
  if (maybeRepeated(r)) out.push(notice("info", "A source holds more than one entry that looks the same. It may be told twice, or have happened twice."));
  return out;
}

/**
 * What a reference leads to, if the chart shows it.
 * @param {string} ref
 * @param {import("./chart.js").Chart} chart
 */
function titleOf(ref, chart) {
  const found = chart.sections.flatMap((s) => s.entries).find((e) => copiesOf(e).includes(ref));
  return found ? lineOf(found, new Map()).title : "";
}

/**
 * One copy, or why it can't be shown.
 * @param {import("./api.js").Api} api
 * @param {string} ref
 * @returns {Promise<{ref: string, resource: Resource | null, why: string}>}
 */
async function read(api, ref) {
  try {
    return { ref, resource: await api.read(ref), why: "" };
  } catch (e) {
    if (!(e instanceof Refusal)) throw e;
    const source = sourceName(sourceOf(ref));
    if (e.status === 403) return { ref, resource: null, why: "Your sign-in does not cover this copy." };
    if (e.status === 404) return { ref, resource: null, why: `${source} no longer has this copy.` };
    return { ref, resource: null, why: e.gaps.length ? `${source} ${reason(e.gaps[0].code)}.` : "The gateway did not answer." };
  }
}

/**
 * @param {{ref: string, resource: Resource | null, why: string}[]} copies
 * @param {number} mine how many of them belong to the entry itself
 * @param {(ref: string) => string} nameOf what a reference leads to
 */
function sideBySide(copies, mine, nameOf) {
  const told = copies.map((c) => c.resource ? elements(c.resource, nameOf) : new Map());
  const names = [...new Set(told.flatMap((t) => [...t.keys()]))];
  const rows = names.map((name) => {
    const said = told.map((t) => t.get(name) ?? "");
    return { name, said, differs: differ(said) };
  });
  rows.sort((a, b) => Number(b.differs) - Number(a.differs));
  return [
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "The copies side by side" },
      h("table", { class: `compare n${Math.min(copies.length, 6)}` },
        h("thead", {},
          mine < copies.length ? h("tr", {}, h("td"), h("th", { scope: "colgroup", colspan: mine }, "This entry"), h("th", { scope: "colgroup", colspan: copies.length - mine, class: "other" }, "What it disagrees with")) : null,
          h("tr", {}, h("th", { scope: "col" }, h("span", { class: "unseen" }, "Element")),
            copies.map((c, i) => h("th", { scope: "col", class: i >= mine ? "other" : null }, chip(sourceOf(c.ref)), h("code", {}, c.ref.split("/")[1]))))),
        h("tbody", {},
          copies.some((c) => c.why) ? h("tr", { class: "gone" }, h("th", { scope: "row" }, "State"), copies.map((c) => h("td", { class: c.why ? "why" : null }, c.why || "read just now"))) : null,
          rows.map((r) => h("tr", { class: r.differs ? "differs" : null },
            h("th", { scope: "row" }, r.name, r.differs ? h("span", { class: "tag" }, "differs") : null),
            r.said.map((t, i) => h("td", { class: t ? null : "unsaid" }, t || (copies[i].resource ? "not stated" : "—")))))))),
    h("details", { class: "raw" }, h("summary", {}, "As FHIR"),
      copies.filter((c) => c.resource).map((c) => [h("h3", {}, `${sourceName(sourceOf(c.ref))}: `, h("code", {}, c.ref)), h("pre", { tabindex: "0" }, JSON.stringify(c.resource, null, 2))])),
  ];
}

/**
 * What the gateway says of why copies were taken for one; null where it does not say.
 * @param {import("./api.js").Api} api
 * @param {import("./chart.js").Chart} chart
 * @param {Resource} r
 */
async function explanation(api, chart, r) {
  if (r.resourceType === "Patient") return null;
  try {
    return explanationOf(await api.operation(chart.person.id, "$explain", { resource: copiesOf(r)[0] ?? `${r.resourceType}/${r.id}` }));
  } catch (e) {
    if (e instanceof Refusal) return null; // not offered here, or not now
    throw e;
  }
}

/**
 * The entries of the chart that an explanation names.
 * @param {string[]} refs
 * @param {import("./chart.js").Chart} chart
 */
function entriesOf(refs, chart) {
  return chart.sections.flatMap((s) => s.entries).filter((e) => copiesOf(e).some((c) => refs.includes(c)));
}

/**
 * The entries that a line disagrees with: the gateway marks each of them, and not which belong together.
 * @param {Resource} r
 * @param {import("./chart.js").Chart} chart
 */
export function opponents(r, chart) {
  const marks = conflictsOf(r);
  if (!marks.length) return [];
  return chart.sections.flatMap((s) => s.entries).filter((o) => o !== r && o.resourceType === r.resourceType && o.id !== r.id &&
    conflictsOf(o).some((c) => marks.includes(c)) && (sameThing(r, o) || marks.includes("no-known") && saysNone(r) !== saysNone(o))).slice(0, 4);
}

/** @param {Resource} a @param {Resource} b */
function sameThing(a, b) {
  const of = (/** @type {Resource} */ r) => [...codes(r["code"]), ...codes(r["medicationCodeableConcept"]), ...codes(r["vaccineCode"]), ...codes(r["type"]), lineOf(r, new Map()).title.toLowerCase()];
  const mine = of(a);
  if (!of(b).some((c) => mine.includes(c))) return false;
  const x = timeOf(dateOf(a)), y = timeOf(dateOf(b));
  const day = 24 * 3600_000;
  return !["Observation", "DiagnosticReport", "Procedure", "Immunization", "Encounter"].includes(a.resourceType) || Number.isNaN(x) || Number.isNaN(y) || Math.abs(x - y) <= 2 * day;
}
