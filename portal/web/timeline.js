// Encounters and procedures over time, the newest first.

import { newestFirst, showDate, timeOf } from "./dates.js";
import { h } from "./dom.js";
import { inError, lineOf } from "./lines.js";
import { folded, lineItem, live, loading, missing, notes, nothing } from "./parts.js";
import { elementName } from "./words.js";

/**
 * @param {import("./chart.js").Chart} chart
 * @param {(r: Resource) => void} open
 */
export function timelineView(chart, open) {
  const sections = [chart.encounters, chart.procedures];
  const draw = () => {
    if (sections.some((s) => s.state === "loading")) return loading();
    const sound = sections.flatMap((s) => s.entries.filter((r) => !inError(r)).map((r) => lineOf(r, s.included))).sort((a, b) => newestFirst(a.date, b.date));
    const wrong = sections.flatMap((s) => s.entries.filter(inError).map((r) => lineOf(r, s.included)));
    /** @type {Map<string, Line[]>} */
    const years = new Map();
    for (const l of sound) {
      const y = Number.isNaN(timeOf(l.date)) ? "No date" : String(new Date(timeOf(l.date)).getFullYear());
      years.set(y, [...years.get(y) ?? [], l]);
    }
    return [
      sections.map(missing), sound.length ? null : nothing(chart.encounters, "encounters"),
      [...years].map(([year, lines]) => h("div", { class: "year" }, h("h3", {}, year), h("ol", { class: "timeline" }, lines.map((l) => entry(l, open))))),
      folded("Entered in error", wrong, open), sections.map(notes),
    ];
  };
  return h("div", {}, h("h2", { tabindex: "-1" }, "Timeline"), live(sections, draw));
}

/**
 * @param {Line} line
 * @param {(r: Resource) => void} open
 */
function entry(line, open) {
  const item = lineItem(line, open);
  item.classList.add(line.resource.resourceType.toLowerCase());
  item.prepend(h("div", { class: "at" }, h("span", { class: "day" }, showDate(line.date, false)), h("span", { class: "kind" }, elementName(line.resource.resourceType))));
  return item;
}
