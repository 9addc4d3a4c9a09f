// The gateway's public FHIR API, as any client sees it, with the user's token. What is asked for stands in the body where
// FHIR lets it, so that names and birth dates are in no URL. Nothing is kept.

import { parse } from "./digits.js";
import { list, object, text } from "./fhir.js";

const base = "/fhir/r4";

/** How many resources are asked for at once, and how many pages are read of one list. */
const pageSize = 1000;
const maxPages = 10;

/** An answer that is none. */
export class Refusal extends Error {
  /**
   * @param {number} status 0 when the gateway was not reached
   * @param {Resource | null} outcome
   * @param {Headers} [headers]
   */
  constructor(status, outcome, headers) {
    super("the gateway answered " + status);
    this.status = status;
    const { gaps, notes, texts } = issuesOf(outcome);
    this.gaps = gaps;
    this.notes = notes;
    /** What the gateway says in words. */
    this.texts = texts;
    /** The scope that a token would need; "" when that is not it. */
    this.scope = /scope="([^"]{1,200})"/.exec(headers?.get("WWW-Authenticate") ?? "")?.[1] ?? "";
    /** Seconds to wait; 0 when nothing is said. */
    this.retryAfter = Number(headers?.get("Retry-After")) || 0;
  }
}

/**
 * What an OperationOutcome says of sources, and beside.
 * @param {Resource | null} outcome
 */
function issuesOf(outcome) {
  /** @type {Gap[]} */
  const gaps = [];
  /** @type {Note[]} */
  const notes = [];
  /** @type {string[]} */
  const texts = [];
  for (const i of list(outcome?.["issue"]).map(object)) {
    const details = object(i["details"]);
    const coding = list(details["coding"]).map(object).find((c) => c["system"] === "urn:concord:source");
    const source = text(coding?.["code"]), words = text(details["text"]);
    const type = text(list(i["expression"])[0]).replace(/^http\..*/, "");
    if (source && i["severity"] !== "information") gaps.push({ source, code: text(i["code"]), type });
    else if (words) notes.push({ source, type, text: words });
    if (words && !source) texts.push(words);
  }
  return { gaps, notes, texts };
}

export class Api {
  /** @type {import("./session.js").Session} */
  #session;
  /** @type {Map<string, SourceState>} */
  sources = new Map();
  /** Called when a source turned out well or ill. @type {() => void} */
  onSources = () => {};

  /** @param {import("./session.js").Session} session */
  constructor(session) {
    this.#session = session;
  }

  /**
   * @param {string} path
   * @param {URLSearchParams | Resource} [sent] a form, or a resource
   */
  async #ask(path, sent) {
    const body = sent instanceof URLSearchParams ? sent : sent ? JSON.stringify(sent) : undefined;
    let r, content = "";
    try {
      r = await fetch(path, {
        method: sent ? "POST" : "GET", body, signal: this.#session.signal, cache: "no-store", credentials: "omit", redirect: "error", referrerPolicy: "no-referrer",
        headers: { Authorization: `Bearer ${this.#session.token}`, Accept: "application/fhir+json", ...typeof body === "string" ? { "Content-Type": "application/fhir+json" } : {} },
      });
      content = await r.text();
    } catch (e) {
      if (this.#session.signal.aborted) throw e;
      throw new Refusal(0, null);
    }
    const timing = r.headers.get("Server-Timing") ?? "";
    const said = /json/.test(r.headers.get("Content-Type") ?? "") ? resource(parse(content)) : null;
    if (r.status === 401) this.#session.end("Your session has ended.");
    if (!r.ok || !said) {
      const refusal = new Refusal(r.status, said, r.headers);
      this.#learn(refusal.gaps.map((g) => [g.source, { ok: false, code: g.code }]));
      throw refusal;
    }
    const asked = [...timing.matchAll(/([a-z][a-z0-9]{0,15});dur=\d+;desc="([a-z]+) ?([a-z-]*)"/g)];
    this.#learn(asked.map((m) => [m[1], { ok: m[2] === "ok" || m[2] === "none", code: m[3] || (m[2] === "partial" ? "incomplete" : "") }]));
    return { body: said, asked: asked.map((m) => m[1]) };
  }

  /** @param {[string, SourceState][]} states */
  #learn(states) {
    // that a source has no such type says nothing of how it is
    for (const [source, state] of states) if (state.code !== "not-supported") this.sources.set(source, state);
    if (states.length) this.onSources();
  }

  /**
   * Everything that a search finds, page after page.
   * @param {string} type
   * @param {{[name: string]: string}} params
   * @returns {Promise<Answer>}
   */
  async search(type, params) {
    /** @type {Answer} */
    const out = { matches: [], included: new Map(), gaps: [], notes: [], asked: [], cut: false };
    let { body, asked } = await this.#ask(`${base}/${type}/_search`, new URLSearchParams({ _count: String(pageSize), ...params }));
    out.asked = asked;
    for (let n = 1; ; n++) {
      take(out, body, n === 1);
      const next = list(body["link"]).map(object).find((l) => l["relation"] === "next");
      if (!next) return out;
      out.cut = n >= maxPages;
      if (out.cut) return out;
      const to = new URL(text(next["url"]), location.origin);
      if (!to.pathname.startsWith(base + "/")) throw new Refusal(0, null);
      ({ body } = await this.#ask(to.pathname + to.search));
    }
  }

  /**
   * One resource, unmerged when its id is a source's.
   * @param {string} reference Type/id
   */
  async read(reference) {
    const [type, id] = reference.split("/");
    return (await this.#ask(`${base}/${encodeURIComponent(type)}/${encodeURIComponent(id)}`)).body;
  }

  /**
   * An operation on nobody's record.
   * @param {string} name with its dollar sign
   * @param {Resource} [body] sent by POST
   */
  async system(name, body) {
    return (await this.#ask(`${base}/${name}`, body)).body;
  }

  /**
   * An operation on a person.
   * @param {string} person
   * @param {string} name with its dollar sign
   * @param {{[name: string]: string}} [params]
   */
  async operation(person, name, params = {}) {
    const q = new URLSearchParams(params).toString();
    return (await this.#ask(`${base}/Patient/${encodeURIComponent(person)}/${name}${q ? "?" + q : ""}`)).body;
  }
}

/**
 * @param {unknown} v
 * @returns {Resource | null}
 */
function resource(v) {
  const r = object(v);
  return typeof r["resourceType"] === "string" ? /** @type {Resource} */ (r) : null;
}

/**
 * @param {Answer} out
 * @param {Resource} bundle
 * @param {boolean} first the first page says what the others repeat
 */
function take(out, bundle, first) {
  for (const e of list(bundle["entry"]).map(object)) {
    const r = resource(e["resource"]);
    if (!r) continue;
    const mode = object(e["search"])["mode"];
    if (mode === "outcome" || r.resourceType === "OperationOutcome") {
      if (!first) continue;
      const { gaps, notes } = issuesOf(r);
      out.gaps.push(...gaps);
      out.notes.push(...notes);
    } else if (mode === "include") out.included.set(`${r.resourceType}/${r.id}`, r);
    else out.matches.push(r);
  }
}
