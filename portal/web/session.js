// Who is signed in. The token lives in this object and nowhere else: not in storage, not in a URL, not in the page.

/** Minutes without a key or a pointer after which a screen that was left is cleared. */
const idleMinutes = 15;

export class Session {
  /** @type {Tokens | null} */
  #tokens = null;
  /** @type {AbortController} */
  #running = new AbortController();
  /** @type {number[]} */
  #timers = [];
  #lastUse = 0;
  #warned = false;

  /** Called when the session ends, with a sentence for the user. @type {(why: string) => void} */
  onEnd = () => {};
  /** Called a minute before it ends, with a sentence for the user, and with "" when it goes on. @type {(why: string) => void} */
  onSoon = () => {};

  constructor() {
    for (const what of ["keydown", "pointerdown", "scroll"]) {
      addEventListener(what, () => this.#used(), { passive: true, capture: true });
    }
    // A page that is kept for the way back must not come back with somebody's record.
    addEventListener("pagehide", () => { if (this.#tokens) this.end("You left the page, so you were signed out."); });
  }

  /** @param {Tokens} tokens */
  begin(tokens) {
    this.#tokens = tokens;
    this.#running = new AbortController();
    this.#lastUse = Date.now();
    const left = tokens.expires - Date.now();
    if (tokens.expires) {
      this.#timers.push(setTimeout(() => this.onSoon("Your session ends in a minute. Sign in again to go on."), Math.max(0, left - 60_000)), setTimeout(() => this.end("Your session has ended."), Math.max(0, left)));
    }
    this.#timers.push(setInterval(() => this.#watch(), 10_000));
  }

  #watch() {
    const idle = Date.now() - this.#lastUse;
    if (idle > idleMinutes * 60_000) this.end(`You were signed out, because nothing was done here for ${idleMinutes} minutes.`);
    else if (idle > (idleMinutes - 1) * 60_000 && !this.#warned) {
      this.#warned = true;
      this.onSoon("You will be signed out in a minute, unless you do something here.");
    }
  }

  #used() {
    this.#lastUse = Date.now();
    if (!this.#warned) return;
    this.#warned = false;
    this.onSoon("");
  }

  /**
   * Forgets the token, and stops all that is under way with it.
   * @param {string} why
   */
  end(why) {
    if (!this.#tokens) return;
    this.#tokens = null;
    this.#running.abort();
    for (const t of this.#timers) clearTimeout(t);
    this.#timers = [];
    this.onEnd(why);
  }

  get active() { return this.#tokens !== null; }
  get name() { return this.#tokens?.name ?? ""; }
  get patient() { return this.#tokens?.patient ?? ""; }
  get expires() { return this.#tokens?.expires ?? 0; }
  get token() { return this.#tokens?.accessToken ?? ""; }
  get signal() { return this.#running.signal; }
}

/**
 * What a token says of its own end, if it says so. It is not checked here: the gateway does that.
 * @param {string} token
 * @returns {number} milliseconds since 1970; 0 when it does not say
 */
export function expiryOf(token) {
  const exp = claimsOf(token)["exp"];
  return typeof exp === "number" && Number.isFinite(exp) ? exp * 1000 : 0;
}

/**
 * The claims of a JWT, unchecked; none when it is no JWT.
 * @param {string} token
 * @returns {Fields}
 */
export function claimsOf(token) {
  try {
    const part = token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(part), (c) => c.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes));
    return typeof claims === "object" && claims !== null ? claims : {};
  } catch {
    return {};
  }
}
