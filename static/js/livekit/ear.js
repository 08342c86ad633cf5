/**
 * A listener: hears a live call for as long as it may, over one connection, or two while its
 * token is renewed. Starts muted.
 *
 * Events: "state" {detail: {state, reason, identity}}, "text" {detail: an event of
 * core/transcript.js}, "levels" {detail: Voice[]}, "blocked" when the browser does not let it sound,
 * "muted" {detail: {muted}}, "sound" {detail: {token, audible}} when a token's connection begins or
 * ceases to come out of this tab, "quality" {detail: {quality}}, "renewed", "unrenewed" once in each
 * time in which a renewal is due and fails.
 * States: "idle", "connecting", "live", "reconnecting", "ended". An end's reason is "stopped",
 * "agentleft" (whose identity it was comes with it), "ended", "revoked", "replaced", "expired",
 * "lost", "token_refused" or "unreachable".
 * Qualities, of our own link: "excellent", "good", "poor", "lost".
 *
 * @typedef {{url: string, token: string, room_name: string, expires_at: string}} Grant
 */

import {Connection} from "./connection.js";

const RENEW_AT = 0.6;
const RETRY_MS = 1000;
const RETRY_AT_MOST_MS = 15_000;
const SPARE_MS = 1000;
const LEVELS_EVERY_MS = 100;
const SUBSCRIBED_WITHIN_MS = 3000;
const READY_WITHIN_MS = 5000;
const READING_EVERY_MS = 100;
const LOOK_EVERY_MS = 20;
const REFUSED = new Map([
  [401, "revoked"],
  [403, "revoked"],
  [404, "ended"],
  [409, "ended"],
]);
const PUT_OUT = new Map([
  ["call_ended", "ended"],
  ["expired", "expired"],
]);
const QUALITIES = new Set(["excellent", "good", "poor", "lost"]);

export class Ear extends EventTarget {
  #loadLiveKit;
  #grant;
  #renew;
  #explain;
  #connection = null;
  #connections = new Set();
  #livekit = null;
  #state = "idle";
  #muted = true;
  #volume = 1;
  #heard = null;
  #quality = null;
  #rated = "good";
  #over = new AbortController();
  #left = Promise.resolve();
  #identity = "";
  #arrivedAt = 0;
  #expiresAt = Infinity;

  /**
   * @param {object} given
   * @param {() => Promise<typeof import("livekit-client")>} given.loadLiveKit
   * @param {Grant} given.grant
   * @param {(identity: string) => Promise<Grant>} [given.renew] rejects with an error whose `status`
   *   is the answer's, if there was one
   * @param {(token: string) => Promise<string>} [given.explain] tells how the server ended the
   *   listen session of this token, as LiveKit does not
   */
  constructor({loadLiveKit, grant, renew, explain}) {
    super();
    this.#loadLiveKit = loadLiveKit;
    this.#renew = renew;
    this.#explain = explain;
    this.#accept(grant);
  }

  /** As whom LiveKit knows us now: what a token that follows this one renews. */
  get identity() {
    return this.#identity;
  }

  get state() {
    return this.#state;
  }

  /**
   * Join the call. Resolves once the voices that are there have come, or the call has ended for us:
   * with "token_refused" or "unreachable" when it cannot be joined.
   */
  async start() {
    this.#become("connecting");
    try {
      this.#livekit = await this.#loadLiveKit();
      if (this.#over.signal.aborted) return;
      this.#connection = this.#connect(this.#grant);
      this.#play();
      await this.#connection.open();
    } catch (error) {
      this.#end(this.#isRefused(error) ? "token_refused" : "unreachable");
      return;
    }
    const joined = this.#connection;
    await this.#until(() => joined.isSubscribed || !joined.isOpen, SUBSCRIBED_WITHIN_MS, joined);
    // Who was put out meanwhile ends when it is known why.
    await this.#until(() => joined.isOpen);
    if (this.#over.signal.aborted) return;
    this.#become("live");
    this.#weigh();
    this.#every(LEVELS_EVERY_MS, () => this.#tell("levels", this.#connection.voices()));
    if (this.#renew) this.#keepRenewing();
  }

  /**
   * Make the call audible. To be called in a click; before start(), to start unmuted.
   *
   * @returns {Promise<boolean>} whether the browser lets it sound
   */
  async listen() {
    this.#setMuted(false);
    await Promise.race([this.#play(), this.#sleep(READY_WITHIN_MS)]);
    return this.#connection?.isHeard ?? false;
  }

  mute() {
    this.#setMuted(true);
    this.#play();
  }

  /** @param {number} volume from 0 to 1 */
  set volume(volume) {
    this.#volume = volume;
    for (const connection of this.#connections) connection.volume = volume;
  }

  /**
   * Leave the call. Resolves when LiveKit has been left.
   *
   * @param {string} [reason] what to say of it
   */
  stop(reason = "stopped") {
    this.#end(reason);
    return this.#left;
  }

  #accept(grant, arrivedAt = performance.now()) {
    const {ms, identity} = lifeOf(grant.token);
    this.#grant = grant;
    this.#identity = identity;
    this.#arrivedAt = arrivedAt;
    this.#expiresAt = arrivedAt + ms;
  }

  #become(state, reason, identity) {
    this.#state = state;
    this.#tell("state", {state, reason, identity});
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, {detail}));
  }

  #end(reason, identity) {
    if (this.#state === "ended") return;
    this.#over.abort();
    this.#left = Promise.allSettled([...this.#connections].map((connection) => connection.close()));
    this.#become("ended", reason, identity);
  }

  #setMuted(muted) {
    this.#muted = muted;
    this.#tell("muted", {muted});
    this.#weigh();
  }

  async #play() {
    await this.#connection?.play({audible: !this.#muted});
    this.#weigh();
  }

  /** Tell where sound begins or ceases to come out, the new place before the old. */
  #weigh() {
    const isHeard = this.#state === "live" && !this.#muted && this.#connection.isHeard;
    const before = this.#heard;
    this.#heard = isHeard ? this.#connection.token : null;
    if (this.#heard === before || this.#over.signal.aborted) return;
    if (this.#heard) this.#tell("sound", {token: this.#heard, audible: true});
    if (before) this.#tell("sound", {token: before, audible: false});
  }

  #tellQuality(quality) {
    if (quality === this.#quality) return;
    this.#quality = quality;
    this.#tell("quality", {quality});
  }

  /** Go on, reconnecting or back; `#rated` is what LiveKit has last said of a link that was there. */
  #goOn(state) {
    this.#become(state);
    this.#tellQuality(state === "live" ? this.#rated : "lost");
    this.#weigh();
  }

  #isRefused(error) {
    const {ConnectionError, ConnectionErrorReason} = this.#livekit ?? {};
    return ConnectionError && error instanceof ConnectionError && error.reason === ConnectionErrorReason.NotAllowed;
  }

  /** Make a connection whose text is told; its fate is ours while it is the current one. */
  #connect(grant) {
    const connection = new Connection(this.#livekit, grant);
    connection.volume = this.#volume;
    this.#connections.add(connection);
    const on = (type, then) =>
      connection.addEventListener(type, ({detail}) => this.#connection === connection && then(detail));
    connection.addEventListener("text", ({detail}) => this.#tell("text", detail));
    on("blocked", () => this.#tell("blocked"));
    on("played", () => this.#weigh());
    on("quality", ({quality}) => {
      if (!QUALITIES.has(quality)) return;
      if (quality !== "lost") this.#rated = quality;
      if (this.#state !== "reconnecting") this.#tellQuality(quality);
    });
    on("reconnecting", () => this.#goOn("reconnecting"));
    on("reconnected", () => this.#goOn("live"));
    on("agentleft", ({identity}) => this.#end("agentleft", identity));
    on("closed", ({reason}) => this.#putOut(connection, reason));
    return connection;
  }

  /** LiveKit says that it has put us out, but not why. */
  async #putOut({token}, reason) {
    if (reason !== "revoked") this.#end(reason);
    else if (this.#isExpired()) this.#end("expired");
    else if (!this.#explain) this.#end("revoked");
    else this.#end(PUT_OUT.get(await this.#explain(token).catch(() => "")) ?? "revoked");
  }

  #leave(connection) {
    this.#connections.delete(connection);
    return connection.close();
  }

  // --- Renewal: join with the new token before leaving with the old -----------------------

  async #keepRenewing() {
    while (!this.#over.signal.aborted) {
      const [arrivedAt, expiresAt] = [this.#arrivedAt, this.#expiresAt];
      await this.#sleep(arrivedAt + (expiresAt - arrivedAt) * RENEW_AT - performance.now());
      const next = await this.#renewed();
      if (!next) {
        this.#end("expired");
        return;
      }
      this.#retire(this.#swap(next), expiresAt);
      this.#tell("renewed");
    }
  }

  #isExpired() {
    return performance.now() >= this.#expiresAt - SPARE_MS;
  }

  /** Return a connection with a new token, ready to be heard; null if there is none in time. */
  async #renewed() {
    let failed = false;
    for (let wait = RETRY_MS; !this.#over.signal.aborted && !this.#isExpired(); wait *= 2) {
      try {
        return await this.#joined(await this.#renew(this.#identity));
      } catch (error) {
        if (refusalOf(error)) this.#end(refusalOf(error));
        if (!failed && !this.#over.signal.aborted) this.#tell("unrenewed");
        failed = true;
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
      // Browsers may not play what is muted before the first click: who hears nothing need not wait.
      await this.#until(() => this.#muted || !next.isOpen || next.isReady, READY_WITHIN_MS);
      if (this.#over.signal.aborted) throw new Error("The ear was stopped meanwhile.");
      if (!next.isOpen) throw new Error("The new connection was lost before it was heard.");
    } catch (error) {
      this.#leave(next);
      throw error;
    }
    this.#accept(grant, arrivedAt);
    return next;
  }

  /** Let `next` sound and the old one fall silent in the same tick. Returns the old one. */
  #swap(next) {
    const old = this.#connection;
    this.#connection = next;
    this.#play();
    old.play({audible: false});
    if (this.#state === "reconnecting") this.#goOn("live");
    return old;
  }

  /** Leave with the old token once the sentences that only it receives are over. */
  async #retire(old, expiresAt) {
    while (old.isReading && performance.now() < expiresAt - SPARE_MS && !this.#over.signal.aborted) {
      await this.#sleep(READING_EVERY_MS);
    }
    await this.#leave(old);
  }

  // --- Time -------------------------------------------------------------------------------

  #every(ms, then) {
    const timer = setInterval(then, ms);
    this.#over.signal.addEventListener("abort", () => clearInterval(timer));
  }

  /** Resolves when it is so, when time is up, or when all is over. A voice of `connection` makes it look at once. */
  async #until(isSo, withinMs = Infinity, connection = new EventTarget()) {
    const deadline = performance.now() + withinMs;
    while (!isSo() && performance.now() < deadline && !this.#over.signal.aborted) {
      const came = new Promise((resolve) => connection.addEventListener("voice", resolve, {once: true}));
      await Promise.race([came, this.#sleep(LOOK_EVERY_MS)]);
    }
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
