/**
 * <anyreach-snoop-panel>: the panel with which somebody hears a live call.
 *
 * It is given a `source` (livekit/ear.js, or anything with its events and listen(), mute() and
 * stop()), and knows nothing of where it stands. Fires "again" when a lost listener wants to
 * return, and "stop" once it is stopped.
 */

import {isSameSegment, keyOf, withHeard, withSaved} from "../core/transcript.js";
import {ENDINGS} from "../livekit/endings.js";
import {css} from "./snoop-panel.css.js";

const BADGES = {idle: "Connecting…", connecting: "Connecting…", live: "LIVE", reconnecting: "Connecting…", ended: "Ended"};
const ROLES = {user: "Caller", agent: "Agent", human: "Human", tool: "Tool", unknown: "Unknown"};
const LOST = "The connection was lost. Trying to come back…";
const BACK = "Connected again.";
const BLOCKED = "Your browser has blocked the sound. Press Listen to hear the call.";
const FORBIDDEN = "A speaker does not allow others to hear them. Their text still comes.";
const BACK_SHOWN_MS = 8000;
const MAY_RETURN = new Set(["lost", "unreachable", "expired", "replaced"]);

const markup = `
  <header>
    <span class="badge" role="status"></span>
    <p class="promise">Listening in. The agent and caller can't see you or hear you.</p>
    <div class="controls">
      <button class="listen primary" type="button">Listen</button>
      <button class="mute" type="button" hidden>Mute</button>
      <button class="stop icon" type="button" aria-label="Stop" title="Stop">✕</button>
    </div>
  </header>
  <p class="message" role="alert" hidden><span></span><button class="again" type="button" hidden>Listen again</button></p>
  <div class="voices" role="group" aria-label="Voices"></div>
  <div class="scroller">
    <p class="empty">Nothing has been said yet.</p>
    <ol class="transcript" tabindex="0" aria-label="Live transcript" hidden></ol>
    <button class="newest" type="button" hidden>Newest ↓</button>
  </div>
  <div class="spoken" aria-live="polite"></div>
`;

export class SnoopPanelElement extends HTMLElement {
  static define(name = "anyreach-snoop-panel") {
    if (!customElements.get(name)) customElements.define(name, this);
  }

  #root = this.attachShadow({mode: "open"});
  #source = null;
  #over = new AbortController();
  #state = "idle";
  #reason;
  #muted = true;
  #isBlocked = false;
  #isForbidden = false;
  #isBack = false;
  #follows = true;
  #lines = [];
  #items = new Map();
  #meters = new Map();

  constructor() {
    super();
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    this.#root.adoptedStyleSheets = [sheet];
    this.#root.innerHTML = markup;
    this.#on("listen", () => this.#listen());
    this.#on("mute", () => this.#mute());
    this.#on("stop", () => this.#stop());
    this.#on("again", () => this.dispatchEvent(new CustomEvent("again")));
    this.#on("newest", () => this.#toNewest());
    this.#part("transcript").addEventListener("scroll", () => {
      this.#follows = this.#isAtNewest();
      if (this.#follows) this.#part("newest").hidden = true;
    });
  }

  connectedCallback() {
    this.#attend();
  }

  disconnectedCallback() {
    this.#over.abort();
  }

  /**
   * @param {EventTarget & {state: string, listen(): void, mute(): void, stop(): void} | null} source
   *   null while one is still to come
   */
  set source(source) {
    this.#source = source;
    this.#muted = true;
    this.#isBlocked = this.#isForbidden = this.#isBack = false;
    this.show(source?.state ?? "connecting");
    if (this.isConnected) this.#attend();
  }

  /** Say how the listening goes, in the words of the source's state event. */
  show(state, reason) {
    if (state === "live" && this.#state === "reconnecting") this.#comeBack();
    this.#state = state;
    this.#reason = reason;
    const badge = this.#part("badge");
    badge.textContent = BADGES[state];
    badge.className = `badge ${state}`;
    const ended = state === "ended";
    this.#part("promise").hidden = ended;
    this.#part("voices").hidden = ended;
    this.#part("again").hidden = !MAY_RETURN.has(reason);
    if (ended) this.#showLevels([]);
    this.#say();
    this.#showMuted(this.#muted);
  }

  /** What was said before, or meanwhile, as it was saved. */
  addSaved(saved) {
    this.#take(withSaved(this.#lines, saved));
  }

  /** Listen, or mute, as the button that is offered does. */
  toggleSound() {
    this.#root.querySelector(".listen:not([hidden]), .mute:not([hidden])")?.click();
  }

  #attend() {
    this.#over.abort();
    this.#over = new AbortController();
    const {signal} = this.#over;
    const on = (type, then) => this.#source?.addEventListener(type, ({detail}) => then(detail), {signal});
    on("state", ({state, reason}) => this.show(state, reason));
    on("text", (event) => {
      const before = this.#lines;
      this.#take(withHeard(before, event));
      this.#announce(before, event);
    });
    on("levels", (voices) => this.#showLevels(voices));
    on("blocked", () => this.#block());
    on("muted", ({muted}) => this.#showMuted(muted));
  }

  #part(name) {
    return this.#root.querySelector(`.${name}`);
  }

  #on(name, then) {
    this.#part(name).addEventListener("click", then);
  }

  #listen() {
    this.#isBlocked = false;
    this.#say();
    this.#showMuted(false);
    this.#source.listen();
  }

  #mute() {
    this.#source.mute();
    this.#showMuted(true);
  }

  #stop() {
    this.#source?.stop();
    this.dispatchEvent(new CustomEvent("stop"));
  }

  #showMuted(muted) {
    this.#muted = muted;
    const isHearable = this.#source && this.#state !== "ended";
    this.#offer({listen: isHearable && muted, mute: isHearable && !muted});
  }

  /** Show these buttons, and let the focus of one that goes pass to one that stays. */
  #offer({listen, mute}) {
    const focused = this.#root.activeElement;
    this.#part("listen").hidden = !listen;
    this.#part("mute").hidden = !mute;
    if (focused?.closest("[hidden]")) this.#part(listen ? "listen" : mute ? "mute" : "stop").focus();
  }

  #block() {
    this.#source.mute();
    this.#showMuted(true);
    this.#isBlocked = true;
    this.#say();
  }

  #comeBack() {
    this.#isBack = true;
    setTimeout(() => {
      this.#isBack = false;
      this.#say();
    }, BACK_SHOWN_MS);
  }

  #say() {
    const sentence = this.#sentence();
    const message = this.#part("message");
    message.hidden = !sentence;
    const said = message.querySelector("span");
    if (said.textContent !== sentence) said.textContent = sentence;
  }

  #sentence() {
    if (this.#state === "ended") return ENDINGS[this.#reason] ?? "";
    if (this.#state === "reconnecting") return LOST;
    if (this.#isBlocked) return BLOCKED;
    if (this.#isForbidden) return FORBIDDEN;
    return this.#isBack ? BACK : "";
  }

  #showLevels(voices) {
    const group = this.#part("voices");
    this.#isForbidden = voices.some((voice) => voice.forbidden);
    this.#say();
    for (const [identity, meter] of this.#meters) {
      if (voices.some((voice) => voice.identity === identity)) continue;
      meter.remove();
      this.#meters.delete(identity);
    }
    for (const {identity, role, level} of voices) {
      let meter = this.#meters.get(identity);
      if (!meter) {
        meter = element("div", "voice", element("span", "", ROLES[role]), element("div", "meter", element("div", "")));
        meter.querySelector(".meter").setAttribute("role", "meter");
        meter.querySelector(".meter").setAttribute("aria-label", `${ROLES[role]}'s level`);
        this.#meters.set(identity, meter);
        group.append(meter);
      }
      const bar = meter.querySelector(".meter");
      const percent = percentOf(level);
      bar.setAttribute("aria-valuenow", String(percent));
      bar.firstElementChild.style.transform = `scaleX(${percent / 100})`;
    }
  }

  #take(lines) {
    if (lines === this.#lines) return;
    this.#lines = lines;
    this.#paint();
    if (this.#follows) this.#toNewest();
    else this.#part("newest").hidden = false;
  }

  #paint() {
    const shown = this.#lines.filter((line) => line.text || line.role === "tool");
    const list = this.#part("transcript");
    list.hidden = shown.length === 0;
    this.#part("empty").hidden = shown.length > 0;
    const items = new Map();
    for (const line of shown) {
      const key = keyOf(line);
      const item = this.#items.get(key) ?? element("li", "", element("span", "who"), element("span", "said"));
      if (item.line !== line) paintLine(item, line);
      items.set(key, item);
    }
    for (const [key, item] of this.#items) if (!items.has(key)) item.remove();
    let place = list.firstElementChild;
    for (const item of items.values()) {
      if (item === place) place = place.nextElementSibling;
      else list.insertBefore(item, place);
    }
    this.#items = items;
  }

  /** Tell screen readers of a line once it is final; what was said before they need not hear. */
  #announce(before, event) {
    const named = (line) => isSameSegment(line, event);
    const line = this.#lines.find(named);
    if (!line?.final || before.find(named)?.final) return;
    this.#part("spoken").textContent = `${ROLES[line.role]}: ${line.text}`;
  }

  #isAtNewest() {
    const list = this.#part("transcript");
    return list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  }

  #toNewest() {
    const list = this.#part("transcript");
    list.scrollTop = list.scrollHeight;
    this.#follows = true;
    this.#part("newest").hidden = true;
  }
}

/** A meter is read as ears hear: it spans 60 decibels. */
function percentOf(level) {
  return Math.round(100 * Math.min(1, Math.max(0, 1 + Math.log10(level) / 3)));
}

function paintLine(item, line) {
  item.line = line;
  item.className = line.role === "tool" ? "tool" : line.final ? "" : "interim";
  item.querySelector(".who").textContent = ROLES[line.role];
  item.querySelector(".said").textContent = line.role === "tool" ? line.name : line.text;
  item.querySelector(".note")?.remove();
  if (line.interrupted) item.append(element("span", "note", "Interrupted"));
}

function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}
