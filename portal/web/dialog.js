// One dialog at a time, over the page. The browser keeps the focus inside it, and Escape closes it.

import { h } from "./dom.js";

/** @type {HTMLDialogElement | null} */
let shown = null;

/**
 * Shows a dialog, and gives the element for what is in it.
 * @param {string} title
 * @param {string} [kind] a class
 */
export function openDialog(title, kind = "") {
  closeDialog();
  const body = h("div", { class: "dialog-body" });
  const close = h("button", { type: "button", class: "close", "aria-label": "Close", on: { click: () => closeDialog() } }, "✕");
  const d = h("dialog", { class: kind, "aria-labelledby": "dialog-title" },
    h("div", { class: "dialog-head" }, h("h2", { id: "dialog-title", tabindex: "-1" }, title), close), body);
  d.addEventListener("close", () => { if (shown === d) shown = null; d.remove(); });
  d.addEventListener("click", (event) => { if (event.target === d) closeDialog(); });
  document.body.append(d);
  shown = d;
  d.showModal();
  d.querySelector("h2")?.focus();
  return body;
}

export function closeDialog() {
  shown?.close();
}
