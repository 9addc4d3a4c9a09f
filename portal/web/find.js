// Finding a person: by name, birth date or an identifier. What is typed goes into a request's body, and nowhere else.

import { Refusal } from "./api.js";
import { age, showDate } from "./dates.js";
import { h, notice, put, say } from "./dom.js";
import { concept, copiesOf, list, mainName, object, sourceOf, text } from "./fhir.js";
import { chip } from "./parts.js";
import { count, whoIsMissing } from "./words.js";

/**
 * @param {import("./api.js").Api} api
 * @param {(person: Resource) => void} choose
 */
export function findView(api, choose) {
  const results = h("div", { id: "found" });
  const field = (/** @type {string} */ name, /** @type {string} */ label, /** @type {{[k: string]: string}} */ more = {}) =>
    h("p", { class: "field" }, h("label", { for: name }, label), h("input", { id: name, name, autocomplete: "off", spellcheck: "false", ...more }));
  const form = h("form", {
    class: "find", on: {
      submit: (/** @type {SubmitEvent} */ event) => {
        event.preventDefault();
        search(api, new FormData(/** @type {HTMLFormElement} */ (event.target)), results, choose);
      },
    },
  },
  h("div", { class: "fields" },
    field("family", "Family name"), field("given", "Given name"), field("birthdate", "Birth date", { type: "date" }),
    field("identifier", "Identifier", { "aria-describedby": "identifier-help" })),
  h("p", { class: "help", id: "identifier-help" }, "A family name with a birth date finds most people. An identifier is a record number, alone or as system|value."),
  h("button", { type: "submit", class: "main" }, "Find"));
  return h("div", { class: "narrow" }, h("h1", { tabindex: "-1" }, "Find a person"), form, results);
}

/**
 * @param {import("./api.js").Api} api
 * @param {FormData} form
 * @param {Element} into
 * @param {(person: Resource) => void} choose
 */
async function search(api, form, into, choose) {
  /** @type {{[name: string]: string}} */
  const params = {};
  for (const name of ["family", "given", "birthdate", "identifier"]) {
    const v = String(form.get(name) ?? "").trim();
    if (v) params[name] = v;
  }
  if (!Object.keys(params).length) {
    put(into, notice("info", "Give a name, a birth date or an identifier."));
    return;
  }
  put(into, h("p", { class: "empty" }, "Asking the sources…"));
  try {
    const a = await api.search("Patient", params);
    say(count(a.matches.length, "person", "people") + " found");
    put(into,
      a.gaps.length ? notice("warn", h("strong", {}, `${whoIsMissing(a.gaps)}: `), "people whom only that source knows are not in this list.") : null,
      a.matches.length ? found(a.matches, choose) : h("p", { class: "empty" }, a.gaps.length ? "Nobody was found at the sources that answered." : "Nobody was found. Check the spelling, or try fewer fields."));
  } catch (e) {
    if (!(e instanceof Refusal)) throw e;
    put(into, refusal(e));
  }
}

/** @param {Refusal} e */
function refusal(e) {
  if (e.gaps.length && e.gaps.every((g) => g.code === "not-supported" || !["timeout", "transient", "throttled", "exception"].includes(g.code))) {
    return notice("info", "The sources can't search by this alone. Add a family name, a birth date or an identifier.");
  }
  if (e.gaps.length) return notice("bad", h("strong", {}, `${whoIsMissing(e.gaps)}. `), "Nobody could be looked for. Try again.");
  if (e.status === 403) return notice("warn", "Your sign-in does not let you look for people.");
  if (e.status === 429) return notice("bad", `Too many requests for now. Try again in ${count(e.retryAfter || 60, "second")}.`);
  if (e.status === 0) return notice("bad", "The gateway did not answer. Try again.");
  return notice("bad", e.texts[0] ? `The gateway refused: ${e.texts[0]}.` : "The gateway refused the search.");
}

/**
 * @param {Resource[]} people
 * @param {(person: Resource) => void} choose
 */
function found(people, choose) {
  return h("ul", { class: "people" }, people.map((p) => {
    const birth = text(p["birthDate"]);
    const sources = [...new Set(copiesOf(p).map(sourceOf))];
    return h("li", {}, h("button", { type: "button", class: "person", on: { click: () => choose(p) } },
      h("span", { class: "title" }, mainName(p)),
      h("span", { class: "details" }, [birth ? `born ${showDate(birth)} (${age(birth, text(p["deceasedDateTime"]))})` : "no birth date", text(p["gender"]), ...recordNumbers(p).slice(0, 2)].filter(Boolean).map((d) => h("span", {}, d))),
      h("span", { class: "chips" }, sources.map(chip))));
  }));
}

/**
 * The record numbers that people read out, those in use first.
 * @param {Resource} p
 */
export function recordNumbers(p) {
  return list(p["identifier"]).map(object).filter((i) => text(i["value"]) && i["use"] !== "old" && (list(object(i["type"])["coding"]).some((c) => object(c)["code"] === "MR") || /^MRN?$/i.test(concept(i["type"]))))
    .map((i) => `MRN ${text(i["value"])}`);
}
