/**
 * The frame's own part of the live-listen SDK: it listens for the page around it, over the one port
 * which that page has handed in. ./words.js has what the two say; ./listen.js is the other end.
 *
 * The page is somebody else's house: what it says counts only in the shape that was agreed.
 */

import {isSameSegment, keyOf, readSaved, withHeard, withSaved} from "../core/transcript.js";
import {lifeOf} from "../livekit/ear.js";
import {ENDINGS} from "../livekit/endings.js";
import {askAs, attest, explain} from "../livekit/witness.js";
import {HELLO, VERSION} from "./words.js";

const GRANT_WITHIN_MS = 20_000;
const CATCH_UP_EVERY_MS = 5000;
const CATCH_UP_ROUNDS = 12;
const AUDIO_BLOCKED = "The browser has blocked the sound. Call startAudio() in a click.";
const RENEWAL_FAILED = "The listener token could not be renewed. It is tried again until the token is over.";
/** What an ear's end is called out there, where it is not called the same. */
const CODES = {ended: "call_ended", agentleft: "call_ended"};

// --- The greeting ------------------------------------------------------------------------------

/**
 * Await the greeting of the page around us, and take one.
 *
 * @param {Window} window ours
 * @param {{refusal?: string, origins?: string[]}} who may embed us: nobody if there is a refusal (a
 *   sentence), these origins if there are any, otherwise everybody
 * @param {(port: MessagePort, origin: string) => void} accept
 */
export function awaitGreeting(window, {refusal = "", origins = []}, accept) {
  window.addEventListener("message", function greet({source, origin, data, ports}) {
    if (source !== window.parent || window.parent === window) return;
    if (data?.type !== HELLO || data.version !== VERSION || ports.length !== 1) return;
    const isListed = origins.length === 0 || origins.includes(origin);
    const sentence = refusal || (isListed ? "" : unlisted(origin));
    if (sentence) {
      ports[0].postMessage({type: "failed", code: "embed_refused", message: sentence});
      console.error(sentence);
      return;
    }
    window.removeEventListener("message", greet);
    accept(ports[0], origin);
  });
}

function unlisted(origin) {
  return `${origin} may not embed AnyReach: an administrator can list it on the page "Embedding" of AnyReach.`;
}

// --- What the page may say ---------------------------------------------------------------------

const isText = (value, atMost) => typeof value === "string" && value !== "" && value.length <= atMost;
const isVolume = (value) => typeof value === "number" && value >= 0 && value <= 1;
const isGrant = (value) => isText(value?.url, 2000) && isText(value.token, 10_000);
const isSwitch = (value) => typeof value === "boolean";
const always = () => true;

const SHAPES = new Map(Object.entries({
  prepare: ({grant}) => isGrant(grant),
  connect: ({grant, renewable, muted, volume}) =>
    isGrant(grant) && isSwitch(renewable) && isSwitch(muted) && isVolume(volume),
  startAudio: ({id}) => Number.isSafeInteger(id),
  mute: always,
  unmute: always,
  volume: ({volume}) => isVolume(volume),
  levels: always,
  grant: ({id, grant}) => Number.isSafeInteger(id) && (grant === undefined || isGrant(grant)),
  end: always,
}));

/** Read as whom a token listens; "" if it is no listener token. */
function identityOf({token}) {
  try {
    const {ms, identity} = lifeOf(token);
    return ms > 0 && typeof identity === "string" ? identity : "";
  } catch {
    return "";
  }
}

// --- Listening ---------------------------------------------------------------------------------

export class Frame {
  #port;
  #origin;
  #embed;
  #livekit;
  #makeEar;
  #fetch;
  #panel;
  #ear = null;
  #grant = null;
  #prepared = null;
  #isRenewable = false;
  #muted = false;
  #volume = 1;
  #hearing;
  /** Whether the page may be told what is heard: we are in the call, and the server lets it embed us. */
  #isOpen = false;
  #isOver = false;
  #endedBy = "";
  #isBlocked = false;
  #sendsLevels = false;
  #quality = null;
  #lines = [];
  #told = new Map();
  #saidBefore = null;
  #catchingUp;
  #needs = 0;
  #grants = new Map();

  #ways = {
    prepare: ({grant}) => this.#prepare(grant),
    connect: (word) => this.#connect(word),
    startAudio: ({id}) => this.#startAudio(id),
    mute: () => this.#setMuted(true),
    unmute: () => this.#setMuted(false),
    volume: ({volume}) => this.#setVolume(volume),
    levels: () => (this.#sendsLevels = true),
    grant: ({id, grant}) => this.#grants.get(id)?.(grant),
    end: () => this.leave(),
  };

  /**
   * @param {object} given
   * @param {MessagePort} given.port to the page
   * @param {string} given.origin of the page
   * @param {string} given.embed for which embed's tokens we stand in the page
   * @param {string} given.livekit the address of our LiveKit
   * @param {(given: object) => import("../livekit/ear.js").Ear} given.makeEar from what an Ear is
   *   given, but for LiveKit
   * @param {typeof globalThis.fetch} given.fetch
   * @param {import("../elements/snoop-panel.js").SnoopPanelElement} [given.panel] with which
   *   somebody listens; without it the page does
   */
  constructor({port, origin, embed, livekit, makeEar, fetch, panel}) {
    this.#port = port;
    this.#origin = origin;
    this.#embed = embed;
    this.#livekit = livekit;
    this.#makeEar = makeEar;
    this.#fetch = fetch;
    this.#panel = panel;
    if (panel) this.#attend(panel);
    port.onmessage = ({data}) => {
      if (SHAPES.get(data?.type)?.(data)) this.#ways[data.type](data);
    };
    this.#say({type: "ready"});
  }

  /** Leave the call, for good. */
  async leave() {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#isOpen = false;
    await this.#ear?.stop();
    this.#say({type: "ended"});
  }

  #say(word) {
    this.#port.postMessage(word);
  }

  #tell(word) {
    if (this.#isOpen) this.#say(word);
  }

  /** Ask before it is needed whether this page may hear. Only who could not be asked is asked again. */
  #prepare(grant) {
    if (this.#grant || this.#prepared || this.#isOver || !identityOf(grant)) return;
    const prepared = (this.#prepared = {token: grant.token, admitted: this.#admit(grant.token)});
    prepared.admitted.catch(({code}) => {
      if (code === "unreachable" && this.#prepared === prepared) this.#prepared = null;
    });
  }

  #takePrepared(token) {
    const prepared = this.#prepared;
    this.#prepared = null;
    return prepared?.token === token ? prepared.admitted : this.#admit(token);
  }

  #connect({grant, renewable, muted, volume}) {
    if (this.#grant || this.#isOver) return;
    this.#isRenewable = renewable;
    this.#muted = muted;
    this.#volume = volume;
    this.#hearing = this.#hear(grant);
  }

  /** Join the call, and be let to: at the same time, as both take a moment. */
  async #hear(grant) {
    this.#grant = grant;
    if (!identityOf(grant)) {
      this.#fail("token_refused");
      return;
    }
    // The browser would write an address that our policy blocks, token and all, to its console.
    if (!this.#isOurs(grant)) {
      this.#fail("unreachable");
      return;
    }
    const ear = this.#makeEar({
      grant,
      renew: this.#isRenewable ? (identity) => this.#renew(identity) : undefined,
      explain: (token) => explain(token, this.#fetch),
    });
    ear.volume = this.#volume;
    attest(ear, this.#fetch);
    this.#follow(ear);
    const admitted = this.#takePrepared(grant.token).catch((refusal) => {
      ear.stop();
      return refusal;
    });
    const [refusal] = await Promise.all([admitted, ear.start()]);
    if (refusal) this.#fail(refusal.code, refusal.message);
    else if (ear.state === "ended") this.#fail(this.#endedBy);
    else this.#begin();
  }

  #isOurs({url}) {
    return URL.canParse(url) && new URL(url).origin === new URL(this.#livekit).origin;
  }

  /** Ask the server whether this page may hear with this token. */
  async #admit(token) {
    const body = {embed: this.#embed, origin: this.#origin};
    const answer = await askAs(token, "session", {fetch: this.#fetch, body}).catch(() => null);
    if (answer?.ok) return;
    if (answer?.status === 401) throw trouble("token_refused");
    if (answer?.status === 409) throw Object.assign(trouble("ended"), {status: 409});
    if (answer?.status !== 403) throw trouble("unreachable");
    const {detail} = await answer.json().catch(() => ({}));
    throw Object.assign(trouble("embed_refused", detail), {status: 403});
  }

  #follow(ear) {
    const on = (type, then) => ear.addEventListener(type, ({detail}) => this.#ear === ear && then(detail));
    this.#ear = ear;
    on("text", (event) => this.#read(event));
    on("levels", (voices) => this.#sendsLevels && this.#tellLevels(voices));
    on("quality", ({quality}) => this.#tellQuality(quality));
    on("blocked", () => this.#tellBlocked());
    on("muted", ({muted}) => this.#tellMuted(muted));
    on("renewed", () => this.#catchUp());
    on("unrenewed", () => this.#tell({type: "error", code: "renewal_failed", message: RENEWAL_FAILED}));
    on("state", ({state, reason, identity}) => state === "ended" && this.#finish(reason, identity));
  }

  #begin() {
    this.#isOpen = true;
    this.#say({type: "connected"});
    for (const line of this.#lines) this.#tellLine(line);
    if (this.#quality) this.#say({type: "quality", quality: this.#quality});
    if (this.#panel) {
      this.#panel.addSaved(this.#lines);
      this.#panel.source = this.#ear;
    }
    if (!this.#muted) this.#sound();
    this.#catchUp();
  }

  #fail(reason, message = ENDINGS[reason]) {
    if (this.#isOver) return;
    this.#panel?.show("ended", reason);
    this.#say({type: "failed", code: CODES[reason] ?? reason, message});
  }

  /** The ear has ended by itself, or by its panel. */
  #finish(reason, identity) {
    this.#endedBy = reason;
    if (!this.#isOpen) return; // whoever waits for it tells
    this.#isOpen = false;
    if (reason === "agentleft") this.#say({type: "agentDisconnected", participantIdentity: identity});
    else if (reason !== "ended" && reason !== "stopped") {
      this.#say({type: "error", code: reason, message: ENDINGS[reason]});
    }
    this.#say({type: "disconnected"});
    if (!this.#panel) this.leave();
  }

  // --- Sound ------------------------------------------------------------------------------------

  #setMuted(muted) {
    this.#muted = muted;
    if (!this.#isOpen) return;
    if (muted) this.#ear.mute();
    else this.#sound();
  }

  #setVolume(volume) {
    this.#volume = volume;
    if (this.#ear) this.#ear.volume = volume;
  }

  async #sound() {
    const sounds = await this.#ear.listen();
    if (sounds) this.#isBlocked = false;
    return sounds;
  }

  /** A click out there lets us sound; who is muted stays so. */
  async #startAudio(id) {
    await this.#hearing;
    if (!this.#isOpen) this.#say({type: "done", id, code: "ended", message: "This session is not connected."});
    else if (this.#muted || (await this.#sound())) this.#say({type: "done", id});
    else this.#say({type: "done", id, code: "audio_blocked", message: AUDIO_BLOCKED});
  }

  #tellBlocked() {
    if (!this.#isBlocked) this.#tell({type: "audioBlocked"});
    this.#isBlocked = true;
  }

  #tellMuted(muted) {
    if (muted === this.#muted) return;
    this.#muted = muted;
    this.#tell({type: "muted", muted});
  }

  #tellLevels(voices) {
    for (const {identity, role, level} of voices) {
      this.#tell({type: "level", participantIdentity: identity, role, level});
    }
  }

  #tellQuality(quality) {
    const isBack = this.#quality === "lost";
    this.#quality = quality;
    this.#tell({type: "quality", quality});
    if (isBack && this.#isOpen) this.#catchUp();
  }

  // --- Text -------------------------------------------------------------------------------------

  #read(event) {
    const lines = withHeard(this.#lines, event);
    if (lines === this.#lines) return;
    this.#lines = lines;
    if (this.#isOpen) this.#tellLine(lines.findLast((line) => isSameSegment(line, event)));
  }

  #tellLine(line) {
    const {role, text, final} = line;
    const id = keyOf(line);
    const told = this.#told.get(id);
    if (told?.text === text && told.final === final) return;
    this.#told.set(id, {text, final});
    this.#tell({type: "transcript", line: {id, role, text, final}});
  }

  /**
   * Tell what was said since we connected and did not come to us. Nobody sends it again, and what
   * was under way is saved only as it is said: so we look until all of it is there.
   */
  async #catchUp() {
    const mine = (this.#catchingUp = {});
    for (let round = 1; round <= CATCH_UP_ROUNDS; round++) {
      const answer = await askAs(this.#grant.token, "lines", {fetch: this.#fetch}).catch(() => null);
      if ([401, 403, 404].includes(answer?.status)) return;
      const saved = answer?.ok ? await readLines(answer) : null;
      if (this.#catchingUp !== mine || !this.#isOpen) return;
      if (saved) this.#takeSaved(saved);
      if (saved && round > 1 && !saved.some((line) => this.#isUnheard(line))) return;
      await new Promise((resolve) => setTimeout(resolve, CATCH_UP_EVERY_MS));
      if (this.#catchingUp !== mine || !this.#isOpen) return;
    }
  }

  #isUnheard(line) {
    return line.role !== "tool" && !line.final && !this.#told.has(keyOf(line));
  }

  #takeSaved(saved) {
    this.#panel?.addSaved(saved);
    this.#saidBefore ??= new Set(saved.filter((line) => line.final).map(keyOf));
    const since = saved.filter((line) => line.role !== "tool" && !this.#saidBefore.has(keyOf(line)));
    this.#lines = withSaved(this.#lines, since);
    for (const line of since) if (line.final && !this.#told.get(keyOf(line))?.final) this.#tellLine(line);
  }

  // --- Renewal ----------------------------------------------------------------------------------

  async #renew(identity) {
    const grant = await this.#need(identity);
    await this.#admit(grant.token);
    this.#grant = grant;
    return grant;
  }

  /** Ask the page for a grant that follows this identity. Rejects if it has none. */
  #need(renews) {
    const id = ++this.#needs;
    return new Promise((resolve, reject) => {
      const settle = (grant) => {
        clearTimeout(timer);
        this.#grants.delete(id);
        const identity = grant && identityOf(grant);
        // With the same identity LiveKit would put us out of where we are.
        if (identity && identity !== renews && this.#isOurs(grant)) resolve(grant);
        else reject(trouble("renewal_failed", RENEWAL_FAILED));
      };
      const timer = setTimeout(settle, GRANT_WITHIN_MS);
      this.#grants.set(id, settle);
      this.#say({type: "need", id, renews});
    });
  }

  // --- The panel --------------------------------------------------------------------------------

  #attend(panel) {
    panel.source = null;
    panel.addEventListener("stop", () => this.leave());
    panel.addEventListener("again", () => (this.#hearing = this.#comeBack()));
    new ResizeObserver(() => this.#say({type: "height", height: panel.offsetHeight})).observe(panel);
  }

  async #comeBack() {
    this.#panel.source = null;
    try {
      const grant = this.#isRenewable ? await this.#need(this.#ear.identity) : this.#grant;
      if (!this.#isOver) await this.#hear(grant);
    } catch {
      this.#fail("expired");
    }
  }
}

async function readLines(answer) {
  try {
    return (await answer.json()).lines.map(readSaved);
  } catch {
    return null;
  }
}

function trouble(code, message = ENDINGS[code]) {
  return Object.assign(new Error(message), {code});
}
