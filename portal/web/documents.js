// Documents and reports, and opening them.

import { attachmentsOf, openDocument } from "./document.js";
import { h } from "./dom.js";
import { text } from "./fhir.js";
import { inError, lineOf } from "./lines.js";
import { folded, lineItem, live, loading, missing, notes, nothing } from "./parts.js";

/**
 * @param {import("./api.js").Api} api
 * @param {import("./chart.js").Chart} chart
 * @param {(r: Resource) => void} open
 */
export function documentsView(api, chart, open) {
  const card = (/** @type {import("./chart.js").Section} */ s, /** @type {string} */ what) => live([s], () => {
    const sound = s.entries.filter((r) => !inError(r)).map((r) => lineOf(r, s.included));
    return [
      h("div", { class: "card-head" }, h("h3", {}, s.title), s.state === "ready" ? h("span", { class: "count" }, sound.length) : null),
      s.state === "loading" ? loading() : [
        missing(s),
        sound.length ? h("ul", { class: "lines" }, sound.map((l) => lineItem(l, open, openers(api, l)))) : nothing(s, what),
        folded("Entered in error", s.entries.filter(inError).map((r) => lineOf(r, s.included)), open), notes(s),
      ],
    ];
  });
  return h("div", {}, h("h2", { tabindex: "-1" }, "Documents"), h("div", { class: "cards" }, card(chart.documents, "documents"), card(chart.reports, "reports")));
}

/**
 * @param {import("./api.js").Api} api
 * @param {Line} line
 */
function openers(api, line) {
  const all = attachmentsOf(line.resource);
  return h("span", { class: "openers" }, all.map((a, i) => {
    const name = all.length > 1 ? text(a["title"]) || `Part ${i + 1}` : line.title;
    return h("button", { type: "button", "aria-haspopup": "dialog", "aria-label": `Open ${name}, ${line.details[0] ?? ""}`, on: { click: () => openDocument(api, name, a) } }, all.length > 1 ? `Open ${name}` : "Open");
  }));
}
