// The portal: who is signed in, which view is shown, and nothing that outlives the page. The address names a view and never
// a person, so that neither the history nor a link that is passed on holds anything of a patient.

import { Api, Refusal } from "./api.js";
import { Chart } from "./chart.js";
import { compareView } from "./compare.js";
import { showCopies } from "./copies.js";
import { closeDialog } from "./dialog.js";
import { documentsView } from "./documents.js";
import { h, notice, part, put, say } from "./dom.js";
import { findView } from "./find.js";
import { generalNotes } from "./parts.js";
import { personHead } from "./person.js";
import { pagesFor, reviewView, sourcesView } from "./review.js";
import { resultsView, vitalsView } from "./results.js";
import { claimsOf, expiryOf, Session } from "./session.js";
import { leaveForIssuer, redeem, takeAnswer } from "./signin.js";
import { summaryView } from "./summary.js";
import { timelineView } from "./timeline.js";
import { whoIsMissing } from "./words.js";

const answer = takeAnswer();
const session = new Session();

/** @type {Settings} */
let settings = { signIn: null, graphiql: false };
let api = new Api(session);
/** @type {Chart | null} */
let chart = null;
/** @type {Window | null} */
let editor = null;
/** Which pages about no one person this user may see. */
let offers = { review: false, sources: false };

/**
 * The views of a chart, in the order of the menu. A view that not every gateway has says so itself.
 * @type {{[name: string]: {title: string, draw: (chart: Chart, open: (r: Resource) => void) => Element}}}
 */
const views = {
  summary: { title: "Summary", draw: summaryView },
  results: { title: "Results", draw: resultsView },
  vitals: { title: "Vitals", draw: vitalsView },
  timeline: { title: "Timeline", draw: timelineView },
  documents: { title: "Documents", draw: (c, open) => documentsView(api, c, open) },
  compare: { title: "Comparison", draw: (c) => compareView(api, c) },
};

/**
 * The pages about no one person.
 * @type {{[name: string]: {title: string, draw: () => Element}}}
 */
const pages = {
  review: { title: "Records to review", draw: () => reviewView(api) },
  sources: { title: "Sources", draw: () => sourcesView(api) },
};

function pageName() {
  const name = location.hash.slice(1);
  return name === "review" && offers.review || name === "sources" && offers.sources ? name : "";
}

function viewName() {
  const name = location.hash.slice(1);
  return Object.hasOwn(views, name) ? name : "summary";
}

/** @param {string} title what the tab and the browser's history may say */
function title(title) {
  document.title = `${title} · Concord`;
}

function drawTop() {
  put(part("top"), h("div", { class: "bar" },
    h("a", { class: "brand", href: "#" + (chart ? "summary" : "find") }, h("span", { class: "mark", "aria-hidden": "true" }), "Concord"),
    h("div", { class: "tools" },
      session.active && offers.review ? h("a", { href: "#review" }, "Review") : null,
      session.active && offers.sources ? h("a", { href: "#sources" }, "Sources") : null,
      settings.graphiql && session.active ? h("button", { type: "button", class: "quiet", on: { click: openEditor } }, "GraphiQL") : null,
      session.active ? [h("span", { class: "user" }, session.name || "Signed in"), h("button", { type: "button", id: "sign-out", on: { click: () => session.end("You have signed out.") } }, "Sign out")] : null)));
}

/**
 * What is shown to somebody who is not signed in.
 * @param {Children} [message]
 */
function drawWelcome(message) {
  title("Sign in");
  drawTop();
  const signIn = settings.signIn;
  put(part("main"), h("div", { class: "welcome" },
    h("h1", { tabindex: "-1" }, "One record, from every hospital that has a part of it"),
    h("p", { class: "lead" }, "Concord asks all of a patient's hospitals at once, shows each event once, says where it comes from, and says what is missing."),
    message,
    signIn ? h("button", { type: "button", class: "main", id: "sign-in", on: { click: () => leaveForIssuer(signIn).catch((e) => drawWelcome(notice("bad", e.message))) } }, "Sign in")
      : notice("info", "Signing in is not set up on this gateway. Whoever runs it can name a sign-in service in its configuration, under portal."),
    settings.graphiql ? tokenForm(!signIn) : null));
}

/**
 * For whoever has a token already, where GraphiQL is served.
 * @param {boolean} open
 */
function tokenForm(open) {
  return h("details", { class: "token", open }, h("summary", {}, "Use an access token"),
    h("form", {
      on: {
        submit: (/** @type {SubmitEvent} */ event) => {
          event.preventDefault();
          const field = /** @type {HTMLInputElement} */ (part("token"));
          const token = field.value.trim();
          field.value = "";
          if (token) begin({ accessToken: token, expires: expiryOf(token), name: String(claimsOf(token)["sub"] ?? ""), patient: "" });
        },
      },
    }, h("label", { for: "token" }, "Access token"), h("input", { id: "token", type: "password", autocomplete: "off", spellcheck: "false" }), h("button", { type: "submit" }, "Use"),
    h("p", { class: "help" }, "It stays in this page's memory, and goes to this gateway only.")));
}

/** @param {Tokens} tokens */
async function begin(tokens) {
  api = new Api(session);
  session.begin(tokens);
  if (session.patient) {
    await openOwn();
    return;
  }
  history.replaceState(null, "", "#find");
  drawFind();
  const mine = api;
  const found = await pagesFor(mine);
  if (mine !== api || !session.active) return;
  offers = found;
  drawTop();
}

/** A patient's own chart. The token may name the patient as one source does: the search finds the person. */
async function openOwn() {
  title("Your record");
  drawTop();
  put(part("main"), h("p", { class: "empty" }, "Asking the sources…"));
  try {
    const found = (await api.search("Patient", { _id: session.patient })).matches[0];
    if (found) await openChart(found);
    else put(part("main"), notice("warn", "None of the sources that answered knows your record."));
  } catch (e) {
    if (!(e instanceof Refusal)) throw e;
    put(part("main"), notice("bad", h("strong", {}, e.gaps.length ? `${whoIsMissing(e.gaps)}. ` : "Your record can't be read now. "),
      h("button", { type: "button", class: "inline", on: { click: () => { openOwn().catch(failed); } } }, "Ask again")));
  }
}

function drawFind() {
  chart = null;
  api.onSources = () => {};
  title("Find a person");
  drawTop();
  put(part("main"), findView(api, (person) => { openChart(person).catch(failed); }));
  part("main").querySelector("h1")?.focus();
}

/** @param {string} name */
function drawPage(name) {
  title(pages[name].title);
  drawTop();
  put(part("main"), pages[name].draw());
  part("main").querySelector("h1")?.focus();
}

/** @param {Resource} person */
async function openChart(person) {
  chart = new Chart(api, person);
  const reading = chart.load();
  if (location.hash === "#summary") drawChart();
  else location.hash = "summary"; // and hashchange draws it
  await reading;
  say("The record has been read");
}

function drawChart() {
  if (!chart) return;
  const c = chart, name = viewName();
  title(views[name].title);
  drawTop();
  for (const s of c.sections) s.forgetListeners();
  const open = (/** @type {Resource} */ r) => { showCopies(api, c, r).catch(failed); };
  const head = personHead(api, c, { reload: () => { c.load().catch(failed); }, origin: open, leave: session.patient ? null : () => { location.hash = "find"; } });
  put(part("main"), h("div", { class: "chart" }, head,
    h("nav", { class: "views", "aria-label": "Parts of the record" }, h("ul", {}, Object.entries(views).map(([n, v]) => h("li", {}, h("a", { href: "#" + n, "aria-current": n === name ? "page" : null }, v.title))))),
    h("div", { class: "view", id: "view" }, views[name].draw(c, open), about(c))));
  document.querySelector("nav.views a[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
}

/** What the sources say of themselves, under every view. @param {Chart} c */
function about(c) {
  const host = h("div", { class: "about" });
  const show = () => put(host, generalNotes(c.sections));
  for (const s of c.sections) s.listen(show);
  show();
  return host;
}

addEventListener("hashchange", () => {
  if (!session.active || location.hash === "#main") return;
  closeDialog();
  if (pageName()) drawPage(pageName());
  else if (chart && (location.hash !== "#find" || session.patient)) {
    drawChart();
    part("view").querySelector("h2")?.focus();
  } else drawFind();
});

// The editor, which this page opened, may ask for the token; nobody else may.
addEventListener("message", (event) => {
  if (event.origin !== location.origin || event.source !== editor || event.data !== "token" || !session.active) return;
  editor?.postMessage({ token: session.token }, location.origin);
});

function openEditor() {
  editor = window.open("/graphiql", "_blank");
}

session.onEnd = (/** @type {string} */ why) => {
  chart = null;
  offers = { review: false, sources: false };
  api = new Api(session);
  closeDialog();
  history.replaceState(null, "", location.pathname);
  drawWelcome(notice("info", why));
  say(why);
  part("main").querySelector("h1")?.focus();
};
session.onSoon = (/** @type {string} */ why) => {
  document.querySelector(".soon")?.remove();
  if (!why) return;
  say(why);
  part("top").append(h("div", { class: "soon" }, notice("warn", why)));
};

/** @param {unknown} e something that no view expected */
function failed(e) {
  if (e instanceof DOMException && e.name === "AbortError") return; // signed out meanwhile
  part("main").prepend(notice("bad", "This page failed. Read the record again before you rely on what is shown."));
}
addEventListener("unhandledrejection", (event) => failed(event.reason));
addEventListener("error", (event) => failed(event.error));

async function start() {
  const r = await fetch("/portal/settings.json", { cache: "no-store", credentials: "omit" });
  settings = await r.json();
  if (!answer || !settings.signIn) {
    drawWelcome();
    return;
  }
  put(part("main"), h("p", { class: "empty" }, "Signing in…"));
  let tokens;
  try {
    tokens = await redeem(settings.signIn, answer);
  } catch (e) {
    drawWelcome(notice("bad", e instanceof Error ? e.message : "The sign-in failed."));
    return;
  }
  await begin(tokens);
}

start().catch(failed);
