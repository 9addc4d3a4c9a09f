// Reading FHIR Parameters, whose parts have names and one value each.

import { list, object, text } from "./fhir.js";

/**
 * @typedef {{one: (n: string) => string, all: (n: string) => string[], number: (n: string) => number, truth: (n: string) => boolean, parts: (n: string) => Parts[]}} Parts
 */

/**
 * The parameters of a Parameters resource.
 * @param {Resource} r
 * @returns {Parts}
 */
export function parametersOf(r) {
  return reader(list(r["parameter"]).map(object));
}

/**
 * @param {Fields[]} parts
 * @returns {Parts}
 */
function reader(parts) {
  const value = (/** @type {Fields} */ x) => x[Object.keys(x).find((k) => k.startsWith("value")) ?? ""];
  const values = (/** @type {string} */ n) => parts.filter((x) => x["name"] === n).map(value);
  const all = (/** @type {string} */ n) => values(n).map((v) => text(v) || text(object(v)["reference"]));
  return {
    all, one: (n) => all(n)[0] ?? "", number: (n) => Number(values(n)[0]) || 0, truth: (n) => values(n)[0] === true,
    parts: (n) => parts.filter((x) => x["name"] === n).map((p) => reader(list(p["part"]).map(object))),
  };
}
