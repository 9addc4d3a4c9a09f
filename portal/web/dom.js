// Making elements. Text is always text here: nothing in the portal reads a string as HTML, and the page's policy
// (trusted types) would stop a script that tried.

/** @typedef {{[name: string]: string | number | boolean | null | undefined | {[event: string]: (event: any) => void}}} Props */

const links = /^(#|\/(?!\/)|blob:)/;

/**
 * @param {Element} e
 * @param {Props} props
 */
function dress(e, props) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "object") {
      for (const [event, f] of Object.entries(value)) e.addEventListener(event, f);
      continue;
    }
    const text = value === true ? "" : String(value);
    if (name.startsWith("on") || name === "style" || name === "srcdoc" || (name === "href" || name === "src") && !links.test(text)) {
      throw new Error("an attribute that this page does not set");
    }
    e.setAttribute(name, text);
  }
}

/**
 * @param {Node} e
 * @param {Children[]} children
 */
function fill(e, children) {
  for (const c of /** @type {any[]} */ (children).flat(Infinity)) {
    if (c === null || c === undefined || typeof c === "boolean") continue;
    e.appendChild(typeof c === "object" ? c : document.createTextNode(String(c)));
  }
}

/**
 * An HTML element. The prop `on` holds event listeners.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Props} [props]
 * @param {...Children} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props = {}, ...children) {
  const e = document.createElement(tag);
  dress(e, props);
  fill(e, children);
  return e;
}

/**
 * An SVG element.
 * @param {string} tag
 * @param {Props} [props]
 * @param {...Children} children
 */
export function s(tag, props = {}, ...children) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  dress(e, props);
  fill(e, children);
  return e;
}

/**
 * Replaces what is in an element.
 * @param {Element} e
 * @param {...Children} children
 */
export function put(e, ...children) {
  e.replaceChildren();
  fill(e, children);
}

/**
 * A thing of the page itself.
 * @param {string} id
 */
export function part(id) {
  const e = document.getElementById(id);
  if (!e) throw new Error("the page has no " + id);
  return e;
}

/**
 * Tells people who listen to the page.
 * @param {string} text
 */
export function say(text) {
  put(part("said"), text);
}

let serial = 0;

/** An id for an element that another one points to. */
export function newId() {
  serial += 1;
  return `e${serial}`;
}

/**
 * A message that stands out, told at once to those who listen.
 * @param {"warn" | "bad" | "info"} kind
 * @param {...Children} children
 */
export function notice(kind, ...children) {
  const mark = kind === "info" ? "i" : "!";
  return h("div", { class: `notice ${kind}` }, h("span", { class: "mark", "aria-hidden": "true" }, mark), h("div", {}, ...children));
}
