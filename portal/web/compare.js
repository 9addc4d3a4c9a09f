// What each source knows that the others don't, as the gateway's $compare says it.

import { Refusal } from "./api.js";
import { showCompared } from "./copies.js";
import { showDate } from "./dates.js";
import { h, notice, put } from "./dom.js";
import { parametersOf } from "./params.js";
import { badge, chip } from "./parts.js";
import { conflict, count, elementName, reason, row, sourceName, sourceNames, typeName, whoIsMissing } from "./words.js";

/**
 * @param {import("./api.js").Api} api
 * @param {import("./chart.js").Chart} chart
 */
export function compareView(api, chart) {
  const into = h("div");
  ask(api, chart, into, {});
  return h("div", {}, h("h2", { tabindex: "-1" }, "Comparison"), into);
}

/**
 * @param {import("./api.js").Api} api
 * @param {import("./chart.js").Chart} chart
 * @param {Element} into
 * @param {{[name: string]: string}} params
 */
async function ask(api, chart, into, params) {
  put(into, h("p", { class: "empty", "aria-busy": "true" }, "Comparing the sources…"));
  try {
    const c = comparisonOf(await api.operation(chart.person.id, "$compare", params));
    put(into, c ? drawn(c, (e) => showCompared(api, chart, e)) : notice("bad", "The gateway's comparison can't be read."));
  } catch (e) {
    if (!(e instanceof Refusal)) throw e;
    const anyway = h("button", { type: "button", class: "inline", on: { click: () => ask(api, chart, into, { partial: "true" }) } }, "Compare those that answered");
    if ((e.status === 404 || e.status === 501) && !e.gaps.length) put(into, notice("info", "This gateway does not offer the comparison."));
    else if (e.status === 403) put(into, notice("warn", "Your sign-in does not cover the comparison."));
    else if (e.gaps.length) put(into, notice("warn", h("strong", {}, `${whoIsMissing(e.gaps)}. `), "What is missing where can't be said without it, so nothing was compared. ", params["partial"] ? null : anyway));
    else put(into, notice("bad", "The comparison failed. Try again."));
  }
}

/**
 * Reads the Parameters of $compare.
 * @param {Resource} r
 * @returns {Comparison | null}
 */
export function comparisonOf(r) {
  if (r.resourceType !== "Parameters") return null;
  const named = parametersOf(r).parts;
  return {
    sources: named("source").map((p) => ({ name: p.one("name"), events: p.number("events"), only: p.number("only"), missing: p.number("missing"), stranger: p.truth("stranger") })),
    types: named("type").map((p) => ({ type: p.one("type"), events: p.number("events"), same: p.number("same"), missing: p.number("missing"), disagree: p.number("disagree"), unknown: p.number("unknown") })),
    gaps: named("gap").map((p) => ({ source: p.one("source"), type: p.one("type"), reason: p.one("reason") })),
    events: named("event").map((p) => ({
      priority: p.one("priority"), type: p.one("type"), title: p.one("title"), date: p.one("date"), inSources: p.all("in"), missing: p.all("missing"), conflicts: p.all("conflict"),
      unknown: p.parts("unknown").map((u) => ({ source: u.one("source"), reason: u.one("reason") })),
      disagreements: p.parts("disagreement").map((d) => ({ path: d.one("path"), aspect: d.one("aspect"), told: d.parts("told").map((t) => ({ source: t.one("source"), copy: t.one("copy"), text: t.one("text") })) })),
      copies: p.parts("copy").map((c) => ({ source: c.one("source"), reference: c.one("reference") })),
    })),
  };
}

/** @type {{[priority: string]: string}} */
const priorities = { allergy: "Allergies", "active-medication": "Active medications", "active-problem": "Active problems", other: "Everything else" };

/**
 * @param {Comparison} c
 * @param {(e: ComparedEvent) => void} open
 */
function drawn(c, open) {
  const names = c.sources.map((s) => s.name);
  const list = h("div");
  const show = (/** @type {string} */ only) => put(list, Object.entries(priorities).map(([p, title]) => {
    const events = c.events.filter((e) => e.priority === p && (only === "all" || only === "missing" && e.missing.length || only === "conflicts" && (e.conflicts.length || e.disagreements.length)));
    return events.length ? h("section", { class: "card" }, h("div", { class: "card-head" }, h("h3", {}, title), h("span", { class: "count" }, events.length)), matrix(title, events, names, open)) : null;
  }));
  show("all");
  const choice = (/** @type {string} */ value, /** @type {string} */ words) => h("label", {}, h("input", { type: "radio", name: "only", value, checked: value === "all", on: { change: () => show(value) } }), words);
  return [
    unknowns(c),
    h("ul", { class: "standings" }, c.sources.map((s) => h("li", { class: "card" }, h("h3", {}, chip(s.name)),
      s.stranger ? h("p", {}, "does not know this person") : h("dl", {},
        h("div", {}, h("dt", {}, "entries"), h("dd", {}, s.events)), h("div", {}, h("dt", {}, "only here"), h("dd", {}, s.only)), h("div", {}, h("dt", {}, "missing here"), h("dd", {}, s.missing)))))),
    c.events.length ? [
      h("fieldset", { class: "choice" }, h("legend", {}, "Show"), choice("all", "all differences"), choice("missing", "what a source lacks"), choice("conflicts", "where copies disagree")),
      list,
    ] : notice("info", "No difference was found between these sources."),
    totals(c),
  ];
}

/** @param {Comparison} c */
function unknowns(c) {
  const standing = c.gaps.filter((g) => g.reason === "not-supported"), gaps = c.gaps.filter((g) => g.reason !== "not-supported");
  return [
    gaps.length ? notice("warn", h("strong", {}, "Not everything could be compared."), gapList(gaps)) : null,
    standing.length ? h("details", { class: "notes" }, h("summary", {}, "What these sources never have"), gapList(standing)) : null,
  ];
}

/** @param {Comparison["gaps"]} gaps */
function gapList(gaps) {
  /** @type {Map<string, string[]>} */
  const by = new Map();
  for (const g of gaps) by.set(g.source + " " + g.reason, [...by.get(g.source + " " + g.reason) ?? [], typeName(g.type).toLowerCase()]);
  return h("ul", {}, [...by].map(([k, types]) => {
    const [source, why] = k.split(" ");
    return h("li", {}, `${sourceName(source)} ${reason(why)}: ${row([...new Set(types)])}.`);
  }));
}

/**
 * @param {string} title
 * @param {ComparedEvent[]} events
 * @param {string[]} names
 * @param {(e: ComparedEvent) => void} open
 */
function matrix(title, events, names, open) {
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Differences: ${title.toLowerCase()}` }, h("table", { class: "matrix" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Entry"), names.map((n) => h("th", { scope: "col" }, chip(n))))),
    h("tbody", {}, events.flatMap((e) => [
      h("tr", {}, h("th", { scope: "row" }, h("span", { class: "title" }, e.title || typeName(e.type)), h("span", { class: "details" }, h("span", {}, typeName(e.type)), e.date ? h("span", {}, showDate(e.date, false)) : null), e.conflicts.map((x) => badge({ text: conflict(x), kind: "warn" })),
        e.copies.length ? h("button", { type: "button", class: "inline", "aria-haspopup": "dialog", on: { click: () => open(e) } }, "Show ", count(e.copies.length, "copy", "copies"), h("span", { class: "unseen" }, ` of ${e.title || typeName(e.type)}`)) : null),
        names.map((n) => cell(e, n))),
      ...e.disagreements.map((d) => h("tr", { class: "differs" }, h("th", { scope: "row", class: "sub" }, `${elementName(d.path.split(".").slice(1).join(" ").replace("[x]", "") || d.path)}`, h("span", { class: "tag" }, "differs")),
        names.map((n) => h("td", {}, d.told.filter((t) => t.source === n).map((t) => h("div", {}, t.text || "not stated")))))),
    ]))));
}

/** @param {ComparedEvent} e @param {string} source */
function cell(e, source) {
  const unknown = e.unknown.find((u) => u.source === source);
  if (e.inSources.includes(source)) return h("td", { class: "has" }, h("span", { "aria-hidden": "true" }, "✓ "), "has it");
  if (e.missing.includes(source)) return h("td", { class: "lacks" }, h("span", { "aria-hidden": "true" }, "✕ "), "missing");
  return h("td", { class: "unknown" }, h("span", { "aria-hidden": "true" }, "? "), unknown ? `not known: ${sourceNames([source])} ${reason(unknown.reason)}` : "not known");
}

/** @param {Comparison} c */
function totals(c) {
  const rows = c.types.filter((t) => t.events);
  if (!rows.length) return null;
  return h("details", { class: "raw" }, h("summary", {}, `By kind of entry (${count(rows.length, "kind")})`),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "By kind of entry" }, h("table", { class: "totals" },
      h("thead", {}, h("tr", {}, ["Kind", "Entries", "Same everywhere", "Missing somewhere", "Disagree", "Not known"].map((t) => h("th", { scope: "col" }, t)))),
      h("tbody", {}, rows.map((t) => h("tr", {}, h("th", { scope: "row" }, typeName(t.type)), [t.events, t.same, t.missing, t.disagree, t.unknown].map((n) => h("td", {}, n))))))));
}
