// Opening a document. What it holds is shown as text and nothing else, or saved as a file; it never becomes a page.

import { Refusal } from "./api.js";
import { openDialog } from "./dialog.js";
import { h, notice, put } from "./dom.js";
import { list, object, text } from "./fhir.js";
import { reason, sourceName } from "./words.js";

/** How much of a text is shown, in characters. */
const maxShown = 400_000;

/**
 * The attachments of a DocumentReference or DiagnosticReport.
 * @param {Resource} r
 */
export function attachmentsOf(r) {
  const all = r.resourceType === "DocumentReference" ? list(r["content"]).map((c) => object(object(c)["attachment"])) : list(r["presentedForm"]).map(object);
  return all.filter((a) => text(a["data"]) || binaryOf(a));
}

/**
 * The Binary that an attachment points to, as Binary/id; "" when its URL is anything else, which is not followed.
 * @param {Fields} attachment
 */
function binaryOf(attachment) {
  return /(?:^|\/fhir\/r4\/)(Binary\/[A-Za-z0-9.-]{1,64})$/.exec(text(attachment["url"]))?.[1] ?? "";
}

/**
 * @param {import("./api.js").Api} api
 * @param {string} title
 * @param {Fields} attachment
 */
export async function openDocument(api, title, attachment) {
  const body = openDialog(title, "wide");
  put(body, h("p", { class: "empty" }, "Reading the document…"));
  let data = text(attachment["data"]), type = text(attachment["contentType"]);
  if (!data) {
    const ref = binaryOf(attachment);
    try {
      const b = await api.read(ref);
      data = text(b["data"]);
      type = text(b["contentType"]) || type;
    } catch (e) {
      if (!(e instanceof Refusal)) throw e;
      const source = sourceName(ref.split("/")[1].split(".")[0]);
      put(body, notice("bad", e.status === 403 ? "Your sign-in does not cover this document." : e.gaps.length ? `${source} ${reason(e.gaps[0].code)}: the document can't be shown now.` : "The document can't be read now."));
      return;
    }
  }
  let bytes;
  try {
    bytes = Uint8Array.from(atob(data.replace(/\s/g, "")), (c) => c.charCodeAt(0));
  } catch {
    put(body, notice("bad", "The source's document can't be read."));
    return;
  }
  const readable = /^(text\/|application\/(xml|json|fhir\+json|fhir\+xml|xhtml\+xml))/i.test(type);
  const all = readable ? new TextDecoder(/charset=["']?([\w-]+)/i.exec(type)?.[1] === "iso-8859-1" ? "iso-8859-1" : "utf-8").decode(bytes) : "";
  const shown = /html|xml/i.test(type) ? plain(all) : all;
  put(body,
    readable ? h("pre", { class: "document", tabindex: "0" }, shown.slice(0, maxShown)) : notice("info", `This document is of the kind ${type || "unknown"}. Save it, and open it with a program of yours.`),
    readable && shown.length > maxShown ? notice("warn", "Only the beginning is shown. Save the document to read it all.") : null,
    h("p", {}, saveButton(bytes, title, type)));
}

/** @type {Map<string, string>} */
const endings = new Map(Object.entries({ "text/html": "html", "text/plain": "txt", "application/pdf": "pdf", "application/rtf": "rtf", "text/rtf": "rtf", "image/jpeg": "jpg", "image/png": "png", "text/xml": "xml", "application/xml": "xml", "image/tiff": "tif" }));

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {string} title
 * @param {string} type
 */
function saveButton(bytes, title, type) {
  return h("button", {
    type: "button", on: {
      click: () => {
        // octet-stream, so that no browser takes it for a page of this site
        const url = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
        const name = (title.replace(/[^\p{L}\p{N} _-]/gu, "").trim() || "document") + "." + (endings.get(type.split(";")[0].trim().toLowerCase()) ?? "bin");
        h("a", { href: url, download: name }).click();
        setTimeout(() => URL.revokeObjectURL(url), 10_000);
      },
    },
  }, "Save the original");
}

/** @type {Map<string, string>} */
const entities = new Map(Object.entries({ amp: "&", lt: "<", gt: ">", quot: "\"", apos: "'", nbsp: " " }));

/**
 * The text of a page: its marks are dropped, not followed.
 * @param {string} html
 */
export function plain(html) {
  return html
    .replace(/<!--[\s\S]*?-->/g, "")
    .replace(/<(script|style|head|title)\b[\s\S]*?(<\/\1\s*>|$)/gi, "")
    .replace(/<(br|hr)\b[^>]*>|<\/(p|div|tr|h[1-6]|ul|ol|table|section|paragraph|item)\s*>/gi, "\n")
    .replace(/<li\b[^>]*>/gi, "• ").replace(/<\/li\s*>/gi, "\n").replace(/<\/t[dh]\s*>/gi, "\t")
    .replace(/<\/?[a-zA-Z!?][^>]*>/g, "")
    .replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|([a-zA-Z]+));/g, (whole, dec, hex, name) => {
      if (name) return entities.get(name.toLowerCase()) ?? whole;
      const n = dec ? Number(dec) : parseInt(hex, 16);
      return n > 0 && n < 0x110000 ? String.fromCodePoint(n) : whole;
    })
    .replace(/[ \t]+\n/g, "\n").replace(/\n{3,}/g, "\n\n").trim();
}
