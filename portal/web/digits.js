// JSON with the digits that were sent: 7.0 and 7 are not the same result to whoever reads it, and are the same number to
// JSON.parse.

/** Where an object or array keeps the digits of its numbers. */
const digits = Symbol("digits");

/**
 * @param {string} json
 * @returns {unknown} undefined when it is no JSON
 */
export function parse(json) {
  try {
    return JSON.parse(json, /** @type {any} */ (keep));
  } catch {
    return undefined;
  }
}

/**
 * @this {any}
 * @param {string} name
 * @param {unknown} value
 * @param {{source?: string}} [context] not given by older browsers
 */
function keep(name, value, context) {
  if (typeof value === "number" && context?.source !== undefined && context.source !== String(value)) {
    this[digits] ??= new Map();
    this[digits].set(name, context.source);
  }
  return value;
}

/**
 * A number as it was sent.
 * @param {any} holder
 * @param {string | number} name
 */
export function digitsOf(holder, name) {
  return String(holder[digits]?.get(String(name)) ?? holder[name]);
}
