// A person's chart: one search for each kind of entry, each with what is missing from it. The lists are asked for one by
// one, so that one that the user may not read is refused, and is not taken for an empty one.

import { Refusal } from "./api.js";
import { newestFirst, clock } from "./dates.js";
import { copiesOf, dateOf, list, referenceOf, sourceOf, object } from "./fhir.js";

/**
 * One list of the chart. Views listen to it.
 */
export class Section {
  /** @type {"loading" | "ready" | "refused"} */
  state = "loading";
  /** @type {Resource[]} */
  entries = [];
  /** @type {Map<string, Resource>} */
  included = new Map();
  /** @type {Gap[]} */
  gaps = [];
  /** @type {Note[]} */
  notes = [];
  /** @type {string[]} */
  asked = [];
  /** There is more than was read. */
  cut = false;
  /** @type {Refusal | null} */
  refusal = null;
  /** @type {Set<() => void>} */
  #listeners = new Set();

  /**
   * @param {string} title
   * @param {{type: string, params?: {[name: string]: string}, optional?: boolean}[]} searches
   */
  constructor(title, searches) {
    this.title = title;
    this.searches = searches;
  }

  /** @param {() => void} f */
  listen(f) { this.#listeners.add(f); }

  /** Views that are gone do not listen. */
  forgetListeners() { this.#listeners.clear(); }

  /**
   * @param {import("./api.js").Api} api
   * @param {string} person
   */
  async load(api, person) {
    this.state = "loading";
    this.#tell();
    try {
      const answers = await Promise.all(this.searches.map((s) => one(api, person, s)));
      this.entries = answers.flatMap((a) => a.matches).sort((a, b) => newestFirst(dateOf(a), dateOf(b)));
      this.included = new Map(answers.flatMap((a) => [...a.included]));
      this.gaps = answers.flatMap((a) => a.gaps);
      this.notes = answers.flatMap((a) => a.notes);
      this.asked = [...new Set(answers.flatMap((a) => a.asked))].sort();
      this.cut = answers.some((a) => a.cut);
      this.refusal = null;
      this.state = "ready";
    } catch (e) {
      if (!(e instanceof Refusal)) throw e;
      this.entries = [];
      this.gaps = e.gaps;
      this.notes = [];
      this.refusal = e;
      this.state = "refused";
    }
    this.#tell();
  }

  /** Nobody knows whether there is more. */
  get incomplete() { return this.gaps.length > 0 || this.cut || this.state === "refused"; }

  #tell() { for (const f of this.#listeners) f(); }
}

/**
 * @param {import("./api.js").Api} api
 * @param {string} person
 * @param {{type: string, params?: {[name: string]: string}, optional?: boolean}} search
 */
async function one(api, person, search) {
  try {
    return await api.search(search.type, { patient: person, ...search.params });
  } catch (e) {
    // A type that no source has, or that this user's scopes leave out, is not missed where another stands for it.
    if (search.optional && e instanceof Refusal && (e.status === 501 || e.status === 404 || e.status === 403)) {
      return /** @type {Answer} */ ({ matches: [], included: new Map(), gaps: [], notes: [], asked: [], cut: false });
    }
    throw e;
  }
}

export class Chart {
  allergies = new Section("Allergies", [{ type: "AllergyIntolerance" }]);
  problems = new Section("Problems", [{ type: "Condition" }]);
  medications = new Section("Medications", [{ type: "MedicationRequest", params: { _include: "MedicationRequest:medication" } }, { type: "MedicationStatement", optional: true }]);
  immunizations = new Section("Immunizations", [{ type: "Immunization" }]);
  observations = new Section("Results and vitals", [{ type: "Observation" }]);
  reports = new Section("Reports", [{ type: "DiagnosticReport" }]);
  encounters = new Section("Encounters", [{ type: "Encounter" }]);
  procedures = new Section("Procedures", [{ type: "Procedure" }]);
  documents = new Section("Documents", [{ type: "DocumentReference" }]);

  /** The time of day at which it was read. */
  readAt = "";
  /** @type {import("./api.js").Api} */
  #api;

  /**
   * @param {import("./api.js").Api} api
   * @param {Resource} person
   */
  constructor(api, person) {
    this.#api = api;
    this.person = person;
  }

  /** All lists, the most dangerous to miss first. */
  get sections() {
    return [this.allergies, this.medications, this.problems, this.immunizations, this.observations, this.reports, this.encounters, this.procedures, this.documents];
  }

  /** Reads everything, again if it was read before. */
  async load() {
    this.readAt = clock();
    await Promise.all([this.#readPerson(), ...this.sections.map((s) => s.load(this.#api, this.person.id))]);
  }

  async #readPerson() {
    try {
      const r = await this.#api.read(`Patient/${this.person.id}`);
      if (r.resourceType === "Patient") this.person = r;
    } catch (e) {
      if (!(e instanceof Refusal)) throw e; // what was known of the person stays
    }
  }

  /** The sources that know this person. */
  get knownAt() {
    const refs = list(this.person["link"]).map(object).filter((l) => l["type"] === "seealso").map((l) => referenceOf(l["other"]));
    return [...new Set((refs.length ? refs : copiesOf(this.person)).map(sourceOf).filter(Boolean))].sort();
  }
}
