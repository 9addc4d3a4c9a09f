// Over every view of a chart: who it is about, which sources it is from, what is missing from it, and the allergies.

import { age, showDate } from "./dates.js";
import { h, notice, put } from "./dom.js";
import { conflictsOf, list, mainName, object, sourcesOf, text } from "./fhir.js";
import { recordNumbers } from "./find.js";
import { inError, lineOf, saysNone } from "./lines.js";
import { chip, conflictBadges } from "./parts.js";
import { reason, row, sourceNames, whoIsMissing } from "./words.js";

/**
 * @param {import("./api.js").Api} api
 * @param {import("./chart.js").Chart} chart
 * @param {{reload: () => void, origin: (r: Resource) => void, leave: (() => void) | null}} act
 */
export function personHead(api, chart, act) {
  const head = h("div"), state = h("div", { class: "state" }), alarm = h("div", { id: "incomplete", role: "alert" }), strip = h("div");
  const show = () => {
    const focus = document.activeElement instanceof HTMLElement && state.contains(document.activeElement) ? document.activeElement.id : "";
    put(head, who(chart));
    put(state, sources(api, chart), actions(chart, act));
    if (focus) document.getElementById(focus)?.focus();
    const news = incomplete(chart, act.reload);
    if ((news?.textContent ?? "") !== alarm.textContent) put(alarm, news); // or it would be told again and again
    put(strip, allergyStrip(chart));
  };
  for (const s of chart.sections) s.listen(show);
  api.onSources = show;
  show();
  return [h("div", { class: "who" }, head), state, alarm, strip].map((e) => { e.classList.add("head"); return e; });
}

/**
 * Who it is. This stays in sight, however far the page is scrolled.
 * @param {import("./chart.js").Chart} chart
 */
function who(chart) {
  const p = chart.person, birth = text(p["birthDate"]), died = text(p["deceasedDateTime"]);
  const phone = list(p["telecom"]).map(object).find((t) => t["system"] === "phone");
  const address = object(list(p["address"])[0]);
  const facts = [
    birth ? `born ${showDate(birth)} (${age(birth, died)})` : "no birth date", text(p["gender"]), ...recordNumbers(p).slice(0, 1),
  ].filter(Boolean);
  const contact = [phone ? text(phone["value"]) : "", [text(address["city"]), text(address["state"])].filter(Boolean).join(", ")].filter(Boolean);
  return [
    h("h1", { tabindex: "-1", id: "person-name" }, mainName(p)),
    died || p["deceasedBoolean"] === true ? h("span", { class: "badge bad" }, died ? `Died ${showDate(died, false)}` : "Has died") : null,
    conflictBadges(p),
    h("p", { class: "details" }, facts.map((f) => h("span", {}, f))),
    contact.length ? h("p", { class: "details contact" }, contact.map((f) => h("span", {}, f))) : null,
  ];
}

/**
 * @param {import("./chart.js").Chart} chart
 * @param {{reload: () => void, origin: (r: Resource) => void, leave: (() => void) | null}} act
 */
function actions(chart, act) {
  const busy = chart.sections.some((s) => s.state === "loading");
  return h("div", { class: "actions" },
    h("button", { type: "button", id: "records", "aria-haspopup": "dialog", on: { click: () => act.origin(chart.person) } }, "Source records"),
    h("button", { type: "button", id: "reload", "aria-disabled": busy ? "true" : null, on: { click: () => { if (!busy) act.reload(); } } }, busy ? "Reading…" : "Read again"),
    act.leave ? h("button", { type: "button", id: "leave", on: { click: act.leave } }, "Another person") : null);
}

/**
 * @param {import("./api.js").Api} api
 * @param {import("./chart.js").Chart} chart
 */
function sources(api, chart) {
  const known = chart.knownAt;
  const all = [...new Set([...known, ...api.sources.keys()])].sort();
  return h("ul", { class: "sources", "aria-label": "Sources" }, all.map((s) => {
    const state = api.sources.get(s);
    const code = gapsOf(chart).find((g) => g.source === s)?.code ?? (state && !state.ok ? state.code : "");
    const ill = code !== "";
    const words = ill ? reason(code) : known.includes(s) ? "answered" : "does not know this person";
    return h("li", { class: ill ? "ill" : null }, chip(s), h("span", {}, words));
  }), chart.readAt ? h("li", { class: "when" }, `read at ${chart.readAt}`) : null);
}

/**
 * What is missing now and may be there later. That a source never has some type is said at its list only: an alarm that
 * never ends is none.
 * @param {import("./chart.js").Chart} chart
 */
function gapsOf(chart) {
  return chart.sections.filter((s) => s.state !== "loading").flatMap((s) => s.gaps).filter((g) => g.code !== "not-supported");
}

/**
 * What is missing from the whole chart: it is said once, above everything, and again at each list.
 * @param {import("./chart.js").Chart} chart
 * @param {() => void} reload
 */
function incomplete(chart, reload) {
  const done = chart.sections.filter((s) => s.state !== "loading");
  const gaps = gapsOf(chart);
  if (!gaps.length) return null;
  const hit = done.filter((s) => s.gaps.some((g) => gaps.includes(g))).map((s) => s.title.toLowerCase());
  const who = sourceNames([...new Set(gaps.map((g) => g.source))].sort(), "or");
  const again = h("button", { type: "button", class: "inline", on: { click: () => { document.getElementById("reload")?.focus(); reload(); } } }, "Ask again");
  if (done.every((s) => s.refusal)) return notice("bad", h("strong", {}, "Nothing could be read. "), `${whoIsMissing(gaps)}. `, again);
  return notice("warn", h("strong", {}, "This record is incomplete. "), `${whoIsMissing(gaps)}. `,
    hit.length === chart.sections.length ? `What only ${who} may know is missing from every list. ` : `What only ${who} may know is missing from: ${row(hit)}. `, again);
}

/** @param {import("./chart.js").Chart} chart */
function allergyStrip(chart) {
  const s = chart.allergies;
  const asserted = s.entries.filter((r) => !inError(r) && !hasCode(r, "refuted") && !hasCode(r, "inactive") && !hasCode(r, "resolved"));
  const real = asserted.filter((r) => !saysNone(r)), none = asserted.filter(saysNone);
  const content = [];
  if (s.state === "loading" && !s.entries.length) content.push("asking the sources…");
  else if (s.state === "refused") content.push(h("strong", {}, s.refusal?.status === 403 ? "not covered by your sign-in" : "not known: no source answered"));
  else if (real.length) content.push(real.map((r) => h("span", { class: r["criticality"] === "high" ? "allergy high" : "allergy" }, lineOf(r, s.included).title)));
  else if (none.length) content.push(h("span", {}, `${lineOf(none[0], s.included).title} (${sourceNames([...new Set(none.flatMap(sourcesOf))].sort())})`));
  else content.push("none recorded, and nobody states that there are none");
  if (real.length && none.length || asserted.some((r) => conflictsOf(r).includes("no-known"))) content.push(h("span", { class: "badge warn" }, `${sourceNames([...new Set(none.flatMap(sourcesOf))].sort())} says: none known`));
  if (s.gaps.length && s.state !== "refused") content.push(h("strong", { class: "maybe" }, `may be incomplete: ${whoIsMissing(s.gaps)}`));
  return h("div", { class: "allergies" + (real.length ? " some" : "") }, h("span", { class: "label" }, "Allergies"), h("span", { class: "of" }, content));
}

/** @param {Resource} r @param {string} code */
function hasCode(r, code) {
  return ["clinicalStatus", "verificationStatus"].some((k) => list(object(r[k])["coding"]).some((c) => object(c)["code"] === code));
}
