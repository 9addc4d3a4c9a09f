// Pages about no one person: which records may be one human's and wait for somebody to look, and how the sources are doing.
// Each is there only where the gateway offers it to this user.

import { Refusal } from "./api.js";
import { showDate } from "./dates.js";
import { h, notice, put, say } from "./dom.js";
import { mainName, sourceOf } from "./fhir.js";
import { parametersOf } from "./params.js";
import { chip } from "./parts.js";
import { differ, elements } from "./saying.js";
import { count, elementName, sourceName } from "./words.js";

/** @typedef {{number: string, reason: string, grade: string, rule: string, queued: string, records: string[], fields: {name: string, level: string}[]}} Review */

/**
 * What the gateway says under that name; null where it is not for this user, or not offered.
 * @param {import("./api.js").Api} api
 * @param {string} name
 */
async function offered(api, name) {
  try {
    return await api.system(name);
  } catch (e) {
    if (e instanceof Refusal) return null;
    throw e;
  }
}

/**
 * Which of these pages the user may see.
 * @param {import("./api.js").Api} api
 */
export async function pagesFor(api) {
  const [reviews, sources] = await Promise.all([offered(api, "$mpi-review"), offered(api, "$sources")]);
  return { review: reviews !== null, sources: sources !== null };
}

/**
 * @param {Resource} r
 * @returns {{reviews: Review[], more: boolean}}
 */
export function reviewsOf(r) {
  const p = parametersOf(r);
  return {
    more: p.truth("more"),
    reviews: p.parts("review").map((v) => ({
      number: v.one("number"), reason: v.one("reason"), grade: v.one("grade"), rule: v.one("rule"), queued: v.one("queued"), records: v.all("patient"),
      fields: v.parts("field").map((f) => ({ name: f.one("name"), level: f.one("level") })),
    })),
  };
}

/** @param {import("./api.js").Api} api */
export function reviewView(api) {
  const into = h("div");
  const load = async () => {
    put(into, h("p", { class: "empty", "aria-busy": "true" }, "Reading the queue…"));
    const r = await offered(api, "$mpi-review");
    if (!r) {
      put(into, notice("bad", "The queue can't be read now. Try again."));
      return;
    }
    const { reviews, more } = reviewsOf(r);
    put(into, reviews.length ? h("p", {}, `${count(reviews.length, "entry", "entries")}${more ? ", and more behind them" : ""}, the oldest first.`) : notice("info", "Nothing waits for a decision."),
      reviews.map((v) => card(api, v)));
  };
  load();
  return h("div", { class: "narrow" }, h("h1", { tabindex: "-1" }, "Records to review"),
    h("p", { class: "lead" }, "Records that may be one person's, and are not surely so. Until somebody decides, each is kept apart, and no chart shows the one in the other."), into);
}

/**
 * @param {import("./api.js").Api} api
 * @param {Review} v
 */
function card(api, v) {
  const said = h("div", { role: "status" });
  const records = h("div", {}, h("button", { type: "button", class: "inline", on: { click: () => show(api, v, records) } }, "Show the records side by side"));
  const overlay = v.reason === "overlay";
  const decide = (/** @type {"link" | "reject"} */ decision, /** @type {string} */ words) => h("button", {
    type: "button", on: {
      click: (/** @type {Event} */ event) => confirm(/** @type {HTMLElement} */ (event.target), async () => {
        try {
          await api.system("$mpi-review", /** @type {any} */ ({ resourceType: "Parameters", parameter: [{ name: "number", valueString: v.number }, { name: "decision", valueCode: decision }] }));
          put(host, notice("info", decision === "link" ? "Decided: they are one person's." : "Decided: they are kept apart, for good."));
          say("Decided");
        } catch (e) {
          if (!(e instanceof Refusal)) throw e;
          put(said, notice("bad", e.status === 409 ? "This was decided meanwhile, or the two can't be one: read the queue again." : e.status === 403 ? "Your sign-in does not let you decide." : "The decision was not taken. Try again."));
        }
      }),
    },
  }, words, h("span", { class: "unseen" }, `, entry ${v.number}`));
  const host = h("section", { class: "card review" },
    h("div", { class: "card-head" }, h("h2", {}, overlay ? "A record changed its person" : v.records.map((r) => sourceName(sourceOf(r))).join(" and ")),
      h("span", { class: "count" }, [overlay ? "" : v.grade, v.queued ? showDate(v.queued, false) : ""].filter(Boolean).join(" · "))),
    h("p", {}, v.records.map((r) => [chip(sourceOf(r)), " "])),
    overlay ? h("p", {}, "Name, birth date and sex of this record all became others at once. It is shown in no chart until somebody has looked: is it still the same human?")
      : h("dl", { class: "levels" }, v.fields.filter((f) => f.level !== "missing").map((f) => h("div", {}, h("dt", {}, elementName(f.name)), h("dd", {}, elementName(f.level).toLowerCase())))),
    records,
    h("p", { class: "decide" }, decide("link", overlay ? "The same person" : "One person"), decide("reject", overlay ? "Another person" : "Two people")), said);
  return host;
}

/**
 * Asks once more, in place of the button.
 * @param {HTMLElement} button
 * @param {() => Promise<void>} go
 */
function confirm(button, go) {
  const words = button.firstChild?.textContent ?? "";
  const yes = h("button", { type: "button", class: "main", on: { click: () => { asked.replaceWith(button); go(); } } }, `Yes: ${words.toLowerCase()}`);
  const no = h("button", { type: "button", on: { click: () => { asked.replaceWith(button); button.focus(); } } }, "Not now");
  const asked = h("span", { class: "sure", role: "group", "aria-label": `Sure that it is ${words.toLowerCase()}?` }, yes, no);
  button.replaceWith(asked);
  yes.focus();
}

/**
 * @param {import("./api.js").Api} api
 * @param {Review} v
 * @param {Element} into
 */
async function show(api, v, into) {
  put(into, h("p", { class: "empty", "aria-busy": "true" }, "Reading the records…"));
  const read = await Promise.all(v.records.map(async (ref) => {
    try {
      return { ref, resource: await api.read(ref) };
    } catch (e) {
      if (!(e instanceof Refusal)) throw e;
      return { ref, resource: null };
    }
  }));
  const told = read.map((r) => r.resource ? elements(r.resource, () => "") : new Map());
  const names = [...new Set(told.flatMap((t) => [...t.keys()]))];
  put(into, h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "The records side by side" }, h("table", { class: "compare n2" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, h("span", { class: "unseen" }, "Element")),
      read.map((r) => h("th", { scope: "col" }, chip(sourceOf(r.ref)), " ", r.resource ? mainName(r.resource) : "can't be read now")))),
    h("tbody", {}, names.map((name) => {
      const said = told.map((t) => t.get(name) ?? "");
      return h("tr", { class: differ(said) ? "differs" : null }, h("th", { scope: "row" }, name), said.map((t) => h("td", { class: t ? null : "unsaid" }, t || "not stated")));
    })))));
}

/** @type {Map<string, string>} */
const states = new Map(Object.entries({ asked: "is asked", failing: "failed several times in a row, and is not asked for a while", trying: "failed, and is tried again" }));

/** @param {import("./api.js").Api} api */
export function sourcesView(api) {
  const into = h("div");
  offered(api, "$sources").then((r) => {
    const all = r ? parametersOf(r).parts("source") : [];
    put(into, r ? h("ul", { class: "lines" }, all.map((s) => h("li", { class: s.one("state") === "asked" ? "line" : "line disputed" },
      h("div", { class: "what" }, h("span", { class: "title" }, chip(s.one("name"))), h("span", { class: "details" }, h("span", {}, states.get(s.one("state")) ?? "is in a state that is not known here"),
        s.one("since") ? h("span", {}, `since ${showDate(s.one("since"))}`) : null))))) : notice("bad", "The gateway did not say. Try again."));
  });
  return h("div", { class: "narrow" }, h("h1", { tabindex: "-1" }, "Sources"), h("p", { class: "lead" }, "How each source is doing, as far as asking it has told."), into);
}
