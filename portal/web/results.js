// Results and vitals: each measurement a row with its newest value, opening into a plot and all of its values.

import { newestFirst, showDate } from "./dates.js";
import { h, newId, put } from "./dom.js";
import { codes, concept, copiesOf, dateOf, list, referenceOf } from "./fhir.js";
import { inError, lineOf } from "./lines.js";
import { flagsOf, measurements, rangeOf, valueOf } from "./measure.js";
import { badge, conflictBadges, live, loading, missing, notes, nothing, originButton } from "./parts.js";
import { plots, spark } from "./trend.js";
import { count } from "./words.js";

/**
 * @param {import("./chart.js").Chart} chart
 * @param {(r: Resource) => void} open
 */
export function resultsView(chart, open) {
  return h("div", {}, h("h2", { tabindex: "-1" }, "Results"),
    groups(chart, open, (r) => category(r) === "laboratory", "laboratory results", true));
}

/**
 * @param {import("./chart.js").Chart} chart
 * @param {(r: Resource) => void} open
 */
export function vitalsView(chart, open) {
  return h("div", {}, h("h2", { tabindex: "-1" }, "Vitals"),
    groups(chart, open, (r) => category(r) === "vital-signs", "vital signs", false),
    h("h2", { class: "more" }, "Other observations"),
    groups(chart, open, (r) => category(r) === "", "other observations", false));
}

/**
 * Which view an observation belongs to; every one belongs to one.
 * @param {Resource} r
 */
function category(r) {
  const all = codes(list(r["category"]));
  return all.includes("laboratory") || all.includes("LAB") ? "laboratory" : all.includes("vital-signs") ? "vital-signs" : "";
}

/**
 * @param {import("./chart.js").Chart} chart
 * @param {(r: Resource) => void} open
 * @param {(r: Resource) => boolean} is
 * @param {string} what
 * @param {boolean} panels put together by the reports that they are in
 */
function groups(chart, open, is, what, panels) {
  const s = chart.observations;
  return live(panels ? [s, chart.reports] : [s], () => {
    if (s.state === "loading" || panels && chart.reports.state === "loading") return loading();
    const all = measurements(s.entries.filter(is));
    if (!all.length) return [missing(s), nothing(s, what)];
    const byPanel = panels ? inPanels(all, chart.reports.entries) : new Map([["", all]]);
    return [missing(s), [...byPanel].map(([name, group]) => [
      name ? h("h3", { class: "panel" }, name) : null,
      h("ul", { class: "measurements" }, group.map((m) => measurement(m, open))),
    ]), notes(s)];
  });
}

/**
 * @param {Measurement[]} all
 * @param {Resource[]} reports
 * @returns {Map<string, Measurement[]>} by panel
 */
function inPanels(all, reports) {
  /** @type {Map<string, string>} */
  const panelOf = new Map();
  for (const r of reports) for (const ref of list(r["result"]).map(referenceOf)) panelOf.set(ref, concept(r["code"]));
  /** @type {Map<string, Measurement[]>} */
  const out = new Map();
  for (const m of all) {
    const name = m.all.flatMap(copiesOf).map((ref) => panelOf.get(ref)).find(Boolean) ?? "";
    out.set(name, [...out.get(name) ?? [], m]);
  }
  const rest = out.get("");
  out.delete("");
  const sorted = new Map([...out].sort((a, b) => a[0].localeCompare(b[0])));
  if (rest) sorted.set(sorted.size ? "Other results" : "", rest);
  return sorted;
}

/**
 * @param {Measurement} m
 * @param {(r: Resource) => void} open
 */
function measurement(m, open) {
  const id = newId(), body = h("div", { id, class: "history", hidden: true });
  const toggle = h("button", { type: "button", class: "toggle", "aria-expanded": "false", "aria-controls": id, on: { click: flip } },
    h("span", { class: "title" }, m.name), h("span", { class: "details" }, m.all.length > 1 ? `${m.all.length} values` : "1 value"));
  function flip() {
    const show = body.hidden;
    body.hidden = !show;
    toggle.setAttribute("aria-expanded", String(show));
    if (show) put(body, history(m, open, Math.min(900, body.clientWidth || 300)));
  }
  const o = m.latest;
  return h("li", { class: m.all.some((r) => conflictBadges(r).length) ? "disputed" : null },
    h("div", { class: "measurement" },
      toggle,
      spark(m.series[0]),
      h("span", { class: "latest" }, h("span", { class: inError(o) ? "value withdrawn" : "value" }, valueOf(o)), flagsOf(o).map(badge), lineOf(o, new Map()).badges.map(badge), conflictBadges(o)),
      h("span", { class: "range" }, rangeOf(o) ? `ref. ${rangeOf(o)}` : ""),
      h("span", { class: "date" }, showDate(dateOf(o), false)),
      originButton(o, `${m.name}, ${valueOf(o)}`, open)),
    body);
}

/**
 * @param {Measurement} m
 * @param {(r: Resource) => void} open
 * @param {number} width
 */
function history(m, open, width) {
  const all = [...m.all].sort((a, b) => newestFirst(dateOf(a), dateOf(b)));
  return [
    m.series.filter((s) => s.points.length > 1).length ? plots(m.series, m.name, width) : null,
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `All values of ${m.name}` },
      h("table", { class: "values" },
        h("caption", { class: "unseen" }, `${m.name}: ${count(all.length, "value")}`),
        h("thead", {}, h("tr", {}, ["When", "Value", "From"].map((t) => h("th", { scope: "col" }, t)))),
        h("tbody", {}, all.map((o) => h("tr", { class: conflictBadges(o).length ? "disputed" : null },
          h("td", {}, showDate(dateOf(o)).split(", ").map((d, i) => h("span", { class: i ? "time" : "day" }, d)), dateOf(o) ? null : "no date"),
          h("td", {}, h("span", { class: inError(o) ? "value withdrawn" : "value" }, valueOf(o)), flagsOf(o).map(badge), lineOf(o, new Map()).badges.map(badge), conflictBadges(o), rangeOf(o) ? h("span", { class: "range" }, `ref. ${rangeOf(o)}`) : null),
          h("td", {}, originButton(o, `${m.name}, ${showDate(dateOf(o))}, ${valueOf(o)}`, open))))))),
  ];
}
