// What the portal says, in words for clinicians. Tables that a source's words are looked up in are Maps: an object would
// know "constructor".

/**
 * A source's name as people say it.
 * @param {string} source
 */
export function sourceName(source) {
  return source.charAt(0).toUpperCase() + source.slice(1);
}

/**
 * Names in a row: "A, B and C".
 * @param {string[]} names
 * @param {string} [last]
 */
export function row(names, last = "and") {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} ${last} ${names[names.length - 1]}`;
}

/** @param {string[]} sources @param {string} [last] */
export function sourceNames(sources, last) {
  return row(sources.map(sourceName), last);
}

/** @type {Map<string, string>} */
const why = new Map(Object.entries({
  timeout: "did not answer in time",
  transient: "did not answer",
  throttled: "refused further requests for now",
  forbidden: "does not let this be read",
  exception: "failed",
  incomplete: "answered only in part",
  "not-supported": "can't be asked for this",
  limited: "may be read only in part with this sign-in",
  "possible-duplicate": "has something that may be the same",
  unidentified: "can't be searched for it: the entry says too little",
}));

/**
 * Why a source is missing, as a sentence goes on after its name.
 * @param {string} code
 */
export function reason(code) {
  return why.get(code) ?? "failed";
}

/**
 * Gaps as clauses, one for each reason: "Cerner did not answer".
 * @param {{source: string, code: string}[]} gaps
 */
export function whoIsMissing(gaps) {
  /** @type {Map<string, Set<string>>} */
  const by = new Map();
  for (const g of gaps) by.set(reason(g.code), (by.get(reason(g.code)) ?? new Set()).add(g.source));
  return row([...by].map(([what, sources]) => `${sourceNames([...sources].sort())} ${what}`));
}

/** @type {Map<string, string>} */
const conflicts = new Map(Object.entries({
  value: "The sources give different values",
  status: "The sources give different statuses",
  negation: "One source asserts this, another denies or withdraws it",
  dose: "The sources give different doses, routes or frequencies",
  site: "The sources name different sites or sides",
  code: "The sources code this in ways that exclude each other",
  "no-known": "One source says that there is none known, another lists one",
  "birth-date": "The sources give different birth dates",
  gender: "The sources give different sexes",
  deceased: "The sources disagree on whether this person has died",
}));

/** @param {string} code */
export function conflict(code) {
  return conflicts.get(code) ?? "The sources disagree";
}

/** @type {Map<string, string>} */
const types = new Map(Object.entries({
  AllergyIntolerance: "Allergies", Condition: "Problems", MedicationRequest: "Prescriptions", MedicationStatement: "Medication statements", Immunization: "Immunizations",
  Observation: "Results and vitals", DiagnosticReport: "Reports", Procedure: "Procedures", Encounter: "Encounters", DocumentReference: "Documents", Patient: "Demographics",
  MedicationDispense: "Dispenses", MedicationAdministration: "Administrations", ImagingStudy: "Imaging", Device: "Devices", FamilyMemberHistory: "Family history",
  ServiceRequest: "Orders", Specimen: "Specimens", Goal: "Goals", CarePlan: "Care plans", CareTeam: "Care teams", Coverage: "Coverage",
}));

/** @param {string} type */
export function typeName(type) {
  return types.get(type) ?? elementName(type);
}

/**
 * An element's name as words: clinicalStatus is "Clinical status".
 * @param {string} name
 */
export function elementName(name) {
  const words = name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").replace(/[_-]/g, " ").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/**
 * @param {number} n
 * @param {string} one
 * @param {string} [many]
 */
export function count(n, one, many = one + "s") {
  return `${n} ${n === 1 ? one : many}`;
}
