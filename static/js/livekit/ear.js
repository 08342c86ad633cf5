/**
 * A listener: hears a live call for as long as it may, over one connection, or two while its
 * token is renewed. Starts muted.
 *
 * Events: "state" {detail: {state, reason}}, "text" {detail: an event of core/transcript.js},
 * "levels" {detail: Voice[]}, "blocked".
 * States: "idle", "connecting", "live", "reconnecting", "ended". An end's reason is "stopped",
 * "agentleft", "ended", "revoked", "replaced", "expired", "lost" or "unreachable".
 *
 * @typedef {{url: string, token: string, room_name: string, expires_at: string}} Grant
 */

import {Connection} from "./connection.js";

const RENEW_AT = 0.6;
const RETRY_MS = 1000;
const RETRY_AT_MOST_MS = 15_000;
const SPARE_MS = 1000;
const LEVELS_EVERY_MS = 100;
const READY_WITHIN_MS = 5000;
const READING_EVERY_MS = 100;
const REFUSED = new Map([
  [401, "revoked"],
  [403, "revoked"],
  [404, "ended"],
  [409, "ended"],
]);

export class Ear extends EventTarget {
  #loadLiveKit;
  #grant;
  #renew;
  #connection = null;
  #livekit = null;
  #state = "idle";
  #muted = true;
  #over = new AbortController();
  #identity = "";
  #arrivedAt = 0;
  #expiresAt = Infinity;

  /**
   * @param {object} given
   * @param {() => Promise<typeof import("livekit-client")>} given.loadLiveKit
   * @param {Grant} given.grant
   * @param {(identity: string) => Promise<Grant>} [given.renew] rejects with an error whose `status`
   *   is the answer's, if there was one
   */
  constructor({loadLiveKit, grant, renew}) {
    super();
    this.#loadLiveKit = loadLiveKit;
    this.#renew = renew;
    this.#accept(grant);
  }

  /** As whom LiveKit knows us now: what a token that follows this one renews. */
  get identity() {
    return this.#identity;
  }

  get state() {
    return this.#state;
  }

  /** Join the call. Ends with "unreachable" when that cannot be done. */
  async start() {
    this.#become("connecting");
    try {
      this.#livekit = await this.#loadLiveKit();
      if (this.#over.signal.aborted) return;
      this.#connection = this.#connect(this.#grant);
      this.#connection.audible = !this.#muted;
      await this.#connection.open();
    } catch {
      this.#end("unreachable");
      return;
    }
    if (this.#over.signal.aborted) return;
    this.#become("live");
    this.#every(LEVELS_EVERY_MS, () => this.#tell("levels", this.#connection.voices()));
    if (this.#renew) this.#keepRenewing();
  }

  /** Make the call audible. To be called in a click. */
  listen() {
    this.#muted = false;
    if (this.#connection) this.#connection.audible = true;
  }

  mute() {
    this.#muted = true;
    if (this.#connection) this.#connection.audible = false;
  }

  /** Leave the call. @param {string} [reason] what to say of it */
  stop(reason = "stopped") {
    this.#end(reason);
  }

  #accept(grant, arrivedAt = performance.now()) {
    const {ms, identity} = lifeOf(grant.token);
    this.#grant = grant;
    this.#identity = identity;
    this.#arrivedAt = arrivedAt;
    this.#expiresAt = arrivedAt + ms;
  }

  #become(state, reason) {
    this.#state = state;
    this.#tell("state", {state, reason});
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, {detail}));
  }

  #end(reason) {
    if (this.#state === "ended") return;
    this.#over.abort();
    this.#connection?.close();
    this.#become("ended", reason);
  }

  /** Make a connection whose text is told; its fate is ours while it is the current one. */
  #connect(grant) {
    const connection = new Connection(this.#livekit, grant);
    const {signal} = this.#over;
    const on = (type, then) =>
      connection.addEventListener(type, ({detail}) => this.#connection === connection && then(detail), {signal});
    connection.addEventListener("text", ({detail}) => this.#tell("text", detail), {signal});
    on("blocked", () => this.#tell("blocked"));
    on("reconnecting", () => this.#become("reconnecting"));
    on("reconnected", () => this.#become("live"));
    on("agentleft", () => this.#end("agentleft"));
    on("closed", ({reason}) => {
      if (this.#state !== "connecting") this.#end(reason === "revoked" && this.#isExpired() ? "expired" : reason);
    });
    return connection;
  }

  // --- Renewal: join with the new token before leaving with the old -----------------------

  async #keepRenewing() {
    while (!this.#over.signal.aborted) {
      const [arrivedAt, expiresAt] = [this.#arrivedAt, this.#expiresAt];
      await this.#sleep(arrivedAt + (expiresAt - arrivedAt) * RENEW_AT - performance.now());
      const next = await this.#renewed();
      if (next) this.#retire(this.#swap(next), expiresAt);
      else this.#end("expired");
    }
  }

  #isExpired() {
    return performance.now() >= this.#expiresAt - SPARE_MS;
  }

  /** Return a connection with a new token, ready to be heard; null if there is none in time. */
  async #renewed() {
    for (let wait = RETRY_MS; !this.#over.signal.aborted && !this.#isExpired(); wait *= 2) {
      try {
        return await this.#joined(await this.#renew(this.#identity));
      } catch (error) {
        if (refusalOf(error)) this.#end(refusalOf(error));
        const left = this.#expiresAt - SPARE_MS - performance.now();
        await this.#sleep(Math.min(wait, RETRY_AT_MOST_MS, left));
      }
    }
    return null;
  }

  async #joined(grant) {
    const arrivedAt = performance.now();
    const next = this.#connect(grant);
    try {
      await next.open();
      const deadline = performance.now() + READY_WITHIN_MS;
      // Browsers may not play what is muted before the first click: who hears nothing need not wait.
      while (!this.#muted && next.isOpen && !next.isReady && performance.now() < deadline) await this.#sleep(20);
      if (this.#over.signal.aborted) throw new Error("The ear was stopped meanwhile.");
      if (!next.isOpen) throw new Error("The new connection was lost before it was heard.");
    } catch (error) {
      next.close();
      throw error;
    }
    this.#accept(grant, arrivedAt);
    return next;
  }

  /** Let `next` sound and the old one fall silent in the same tick. Returns the old one. */
  #swap(next) {
    const old = this.#connection;
    this.#connection = next;
    next.audible = !this.#muted;
    old.audible = false;
    if (this.#state === "reconnecting") this.#become("live");
    return old;
  }

  /** Leave with the old token once the sentences that only it receives are over. */
  async #retire(old, expiresAt) {
    while (old.isReading && performance.now() < expiresAt - SPARE_MS && !this.#over.signal.aborted) {
      await this.#sleep(READING_EVERY_MS);
    }
    await old.close();
  }

  // --- Time -------------------------------------------------------------------------------

  #every(ms, then) {
    const timer = setInterval(then, ms);
    this.#over.signal.addEventListener("abort", () => clearInterval(timer));
  }

  #sleep(ms) {
    const {signal} = this.#over;
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener("abort", done);
    });
  }
}

/**
 * Return why listening is over once this refusal of a token came, or undefined if it may be asked
 * for again.
 *
 * @param {{status?: number}} refusal
 * @returns {"revoked" | "ended" | undefined}
 */
export function refusalOf({status}) {
  return REFUSED.get(status);
}

/**
 * Read how long a token lives, and as whom, from its own claims: clocks may differ.
 *
 * @param {string} token a JWT
 * @returns {{ms: number, identity: string}}
 */
export function lifeOf(token) {
  const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  const {exp, nbf, sub} = JSON.parse(atob(payload));
  return {ms: (exp - nbf) * 1000, identity: sub};
}
