// What several views show: chips, badges, what is missing, lists.

import { conflictsOf, sourcesOf, copiesOf } from "./fhir.js";
import { h, notice, put } from "./dom.js";
import { conflict, count, sourceName, sourceNames, whoIsMissing } from "./words.js";

/**
 * A source's name with its mark.
 * @param {string} source
 */
export function chip(source) {
  return h("span", { class: "chip" }, h("span", { class: `dot hue${hue(source)}`, "aria-hidden": "true" }), sourceName(source));
}

/**
 * One of six colours, always the same for a source.
 * @param {string} source
 */
function hue(source) {
  const known = ["epic", "cerner", "athena"].indexOf(source);
  if (known >= 0) return known;
  let n = 0;
  for (const c of source) n = (n * 31 + c.charCodeAt(0)) % 3;
  return 3 + n;
}

/**
 * @param {Badge} b
 * @returns {Children} with a space, or it is read out as one word with what it stands behind
 */
export function badge(b) {
  return [" ", h("span", { class: `badge ${b.kind}` }, b.text)];
}

/** The marks of conflicts. @param {Resource} r @returns {Children[]} */
export function conflictBadges(r) {
  return conflictsOf(r).map((c) => badge({ text: conflict(c), kind: "warn" }));
}

/**
 * The button that says where a line came from, and shows it.
 * @param {Resource} r
 * @param {string} what of what it is the origin, for those who listen
 * @param {(r: Resource) => void} open
 */
export function originButton(r, what, open) {
  const sources = sourcesOf(r), copies = copiesOf(r).length;
  return h("button", {
    type: "button", class: "origin", "aria-haspopup": "dialog", title: copies > 1 ? `Merged from ${copies} copies: show them` : "Show where this comes from", on: { click: () => open(r) },
  }, sources.map((s) => [chip(s), " "]), h("span", { class: "unseen" }, `: where this comes from, ${count(copies, "copy", "copies")}, ${what}`));
}

/**
 * What is missing from a list, under its title.
 * @param {import("./chart.js").Section} s
 */
export function missing(s) {
  const out = [];
  if (s.refusal) out.push(refused(s));
  else if (s.gaps.length) out.push(notice("warn", h("strong", {}, `${whoIsMissing(s.gaps)}: `), "this list may be incomplete."));
  if (s.cut) out.push(notice("warn", "This list is too long to be read in whole: its oldest entries may be missing."));
  return out;
}

/** @param {import("./chart.js").Section} s */
function refused(s) {
  const r = s.refusal, what = s.title.toLowerCase();
  if (r?.status === 403) return notice("warn", h("strong", {}, `Your sign-in does not cover ${what}. `), "There may be entries that you are not shown.");
  const unknown = `Nothing is known of this person's ${what} now. That does not mean that there are none.`;
  if (r?.gaps.length) return notice("bad", h("strong", {}, `${whoIsMissing(r.gaps)}. `), unknown);
  if (r?.status === 429) return notice("bad", h("strong", {}, "Too many requests for now. "), unknown);
  return notice("bad", h("strong", {}, "The gateway did not answer. "), unknown);
}

/**
 * What is to be said in the place of an empty list.
 * @param {import("./chart.js").Section} s
 * @param {string} what in the plural
 */
export function nothing(s, what) {
  if (s.refusal) return null;
  const failed = new Set(s.gaps.map((g) => g.source));
  const well = s.asked.filter((a) => !failed.has(a));
  if (s.gaps.length) return h("p", { class: "empty" }, well.length ? `No ${what} at ${sourceNames(well)}. The sources that did not answer may have some.` : `No ${what} are known. That does not mean that there are none.`);
  return h("p", { class: "empty" }, well.length ? `No ${what} are recorded at ${sourceNames(well, "or")}.` : `No ${what} are recorded.`);
}

/**
 * Notes about this kind of entry, which make a list no less complete.
 * @param {import("./chart.js").Section} s
 */
export function notes(s) {
  return noteList("About this list", s.notes.filter((n) => n.type));
}

/**
 * Notes about the sources as a whole.
 * @param {import("./chart.js").Section[]} sections
 */
export function generalNotes(sections) {
  return noteList("About these sources", sections.flatMap((s) => s.notes).filter((n) => !n.type));
}

/**
 * @param {string} title
 * @param {Note[]} all
 */
function noteList(title, all) {
  const once = new Map(all.filter((n) => n.source).map((n) => [n.source + n.text, n]));
  if (!once.size) return null;
  return h("details", { class: "notes" }, h("summary", {}, title),
    h("ul", {}, [...once.values()].map((n) => h("li", {}, `${sourceName(n.source)}: ${n.text}.`))));
}

/**
 * An element that shows sections, now and whenever one of them changes.
 * @param {import("./chart.js").Section[]} sections
 * @param {() => Children} draw
 */
export function live(sections, draw) {
  const host = h("section", { class: "card" });
  const show = () => {
    host.setAttribute("aria-busy", String(sections.some((s) => s.state === "loading")));
    put(host, draw());
  };
  for (const s of sections) s.listen(show);
  show();
  return host;
}

/** In the place of a list that is on its way. */
export function loading() {
  return h("p", { class: "empty" }, "Asking the sources…");
}

/**
 * One line of a list.
 * @param {Line} line
 * @param {(r: Resource) => void} open
 * @param {...Children} more
 */
export function lineItem(line, open, ...more) {
  return h("li", { class: conflictsOf(line.resource).length ? "line disputed" : "line" },
    h("div", { class: "what" },
      h("span", { class: "title" }, line.title), line.badges.map(badge), conflictBadges(line.resource),
      line.details.length ? h("span", { class: "details" }, line.details.map((d) => h("span", {}, d))) : null, more),
    originButton(line.resource, line.title, open));
}

/**
 * A list of lines.
 * @param {Line[]} lines
 * @param {(r: Resource) => void} open
 */
export function lineList(lines, open) {
  return h("ul", { class: "lines" }, lines.map((l) => lineItem(l, open)));
}

/**
 * Lines that are out of the way until they are asked for.
 * @param {string} title
 * @param {Line[]} lines
 * @param {(r: Resource) => void} open
 */
export function folded(title, lines, open) {
  if (!lines.length) return null;
  return h("details", { class: "folded" }, h("summary", {}, `${title} (${lines.length})`), lineList(lines, open));
}
