// Signing in: authorization code with PKCE (RFC 7636), as a public client. What must outlive the way to the issuer and back
// is kept in this tab's session storage, and taken out of it as soon as the page is back: the verifier, the state and the
// nonce, all of them random, used once, and none of them about a person.

import { claimsOf, expiryOf } from "./session.js";

const kept = "concord.signin";

/** @param {Uint8Array} bytes */
function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

function random() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

/**
 * Takes the issuer's answer out of the URL, if there is one, before anything else can see it there.
 * @returns {URLSearchParams | null}
 */
export function takeAnswer() {
  const q = new URLSearchParams(location.search);
  if (location.search) history.replaceState(null, "", location.pathname + location.hash);
  return q.has("state") || q.has("code") || q.has("error") ? q : null;
}

/**
 * Goes to the issuer.
 * @param {SignInSettings} o
 */
export async function leaveForIssuer(o) {
  if (location.origin !== new URL(o.redirectUri).origin) {
    location.assign(o.redirectUri); // the issuer sends people back there only, so they must start there
    return;
  }
  if (!isSecureContext) throw new Error("Signing in needs https, which this address has not.");
  const state = random(), verifier = random(), nonce = random();
  sessionStorage.setItem(kept, JSON.stringify({ state, verifier, nonce }));
  const challenge = base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
  const to = new URL(o.authorizeUrl);
  const params = {
    response_type: "code", client_id: o.clientId, redirect_uri: o.redirectUri, scope: o.scope, aud: o.aud, state,
    code_challenge: challenge, code_challenge_method: "S256", ...(wantsId(o) ? { nonce } : {}),
  };
  for (const [name, value] of Object.entries(params)) to.searchParams.set(name, value);
  location.assign(to);
}

/** @param {SignInSettings} o */
function wantsId(o) {
  return o.scope.split(" ").includes("openid");
}

/**
 * Turns the issuer's answer into tokens.
 * @param {SignInSettings} o
 * @param {URLSearchParams} answer
 * @returns {Promise<Tokens>}
 */
export async function redeem(o, answer) {
  const text = sessionStorage.getItem(kept);
  sessionStorage.removeItem(kept);
  const mine = text ? JSON.parse(text) : null;
  if (!mine || answer.get("state") !== mine.state) throw new Error("The sign-in was not begun in this tab, or was begun twice. Please try again.");
  if (answer.has("error")) {
    throw new Error(answer.get("error") === "access_denied" ? "The sign-in was cancelled." : "The sign-in service refused the request.");
  }
  const code = answer.get("code");
  if (!code) throw new Error("The sign-in service gave no code.");
  const form = new URLSearchParams({ grant_type: "authorization_code", code, redirect_uri: o.redirectUri, client_id: o.clientId, code_verifier: mine.verifier });
  /** @type {Fields} */
  let body;
  try {
    const r = await fetch(o.tokenUrl, { method: "POST", body: form, headers: { Accept: "application/json" }, credentials: "omit", cache: "no-store", referrerPolicy: "no-referrer", redirect: "error" });
    if (!r.ok) throw new Error("refused");
    body = await r.json();
  } catch {
    throw new Error("The sign-in service gave no token. Please try again.");
  }
  const access = body["access_token"], id = body["id_token"];
  if (typeof access !== "string" || String(body["token_type"]).toLowerCase() !== "bearer") throw new Error("The sign-in service gave no token that can be used here.");
  const who = typeof id === "string" ? claimsOf(id) : {};
  if (wantsId(o) && who["nonce"] !== mine.nonce) throw new Error("The sign-in service's answer is not for this sign-in. Please try again.");
  const life = Number(body["expires_in"]);
  const name = [who["name"], who["preferred_username"]].find((n) => typeof n === "string");
  return {
    accessToken: access, expires: life > 0 ? Date.now() + life * 1000 : expiryOf(access),
    name: typeof name === "string" ? name : "", patient: typeof body["patient"] === "string" ? body["patient"] : "",
  };
}
