// The first view of a chart: allergies, medications, problems and immunizations.

import { h } from "./dom.js";
import { codes, list } from "./fhir.js";
import { inError, lineOf, saysNone } from "./lines.js";
import { folded, lineList, live, loading, missing, notes, nothing } from "./parts.js";

/**
 * @param {import("./chart.js").Chart} chart
 * @param {(r: Resource) => void} open
 */
export function summaryView(chart, open) {
  return h("div", {}, h("h2", { class: "unseen", tabindex: "-1" }, "Summary"),
    h("div", { class: "cards" },
      h("div", { class: "column" },
        card(chart.allergies, "allergies", open, [["", (r) => !over(r)], ["Refuted, inactive or resolved", over]]),
        card(chart.problems, "problems", open, [["", (r) => !over(r) && !ofEncounter(r)], ["Resolved or inactive", (r) => over(r) && !ofEncounter(r)], ["Diagnoses of encounters", ofEncounter]])),
      h("div", { class: "column" },
        card(chart.medications, "medications", open, [["", (r) => !past(r)], ["No longer taken", past]]),
        card(chart.immunizations, "immunizations", open, [["", () => true]]))),
    h("p", { class: "help beside" }, "Shown here: allergies, medications, problems, immunizations, results, vitals, encounters, procedures, reports and documents. A record may hold more, such as care plans, goals, orders and devices, which the API gives."));
}

/**
 * @param {import("./chart.js").Section} s
 * @param {string} what
 * @param {(r: Resource) => void} open
 * @param {[string, (r: Resource) => boolean][]} groups the first is shown, the others are folded
 */
function card(s, what, open, groups) {
  return live([s], () => {
    const sound = s.entries.filter((r) => !inError(r));
    const lines = groups.map(([title, is]) => ({ title, lines: sound.filter(is).map((r) => lineOf(r, s.included)) }));
    const [first, ...rest] = lines;
    const only = what === "allergies" && first.lines.length > 0 && first.lines.every((l) => saysNone(l.resource));
    return [
      h("div", { class: "card-head" }, h("h3", {}, s.title), s.state === "ready" ? h("span", { class: "count" }, s.incomplete ? only || !first.lines.length ? "may be incomplete" : `at least ${first.lines.length}` : only ? "none known" : first.lines.length) : null),
      s.state === "loading" ? loading() : [
        missing(s),
        first.lines.length ? lineList(first.lines, open) : nothing(s, rest.some((g) => g.lines.length) ? `current ${what}` : what),
        what === "allergies" && !first.lines.length && s.state === "ready" && !s.gaps.length ? h("p", { class: "empty" }, "Nobody has stated that there are none.") : null,
        rest.map((g) => folded(g.title, g.lines, open)),
        folded("Entered in error", s.entries.filter(inError).map((r) => lineOf(r, s.included)), open),
        notes(s),
      ],
    ];
  });
}

/** @param {Resource} r */
function over(r) {
  return codes(r["verificationStatus"]).includes("refuted") || codes(r["clinicalStatus"]).some((c) => ["inactive", "resolved", "remission"].includes(c));
}

/** @param {Resource} r */
function past(r) {
  return ["completed", "stopped", "cancelled", "ended", "not-taken"].includes(String(r["status"]));
}

/** @param {Resource} r */
function ofEncounter(r) {
  const c = codes(list(r["category"]));
  return c.includes("encounter-diagnosis") && !c.includes("problem-list-item");
}
