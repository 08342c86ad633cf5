/**
 * AnyReach.listen: what a customer's page loads from /public/listen-sdk to hear a live call.
 *
 * It puts one iframe of ours into the page; LiveKit and the sound are in there (pages/listen-frame.js). Out here are
 * the session's state, its events, and what to do when the page, the frame or the network goes away.
 * ./words.js has what the two say to each other, ./listen.d.ts what the page may call.
 */

import {HELLO, VERSION} from "./words.js";

const GREETING_MS = 5_000; // from the frame's load to its answer
const CONNECT_MS = 15_000;
const GRANT_MS = 15_000; // for the page's getToken() during a call
const END_MS = 3_000;
const WATCH_MS = 1_000;

const SENTENCES = {
  invalid_options: "AnyReach.listen() needs the url and token of a listener token, or getToken.",
  token_refused: "getToken() gave no url and token.",
  frame_blocked: "AnyReach did not answer. Do this page's frame-src and AnyReach's page Embedding allow it here?",
  frame_lost: "The frame of AnyReach was removed, moved or reloaded.",
  timeout: "Listening did not begin within 15 seconds.",
  ended: "Listening has ended.",
};

// A module, or a script that was put in by another, has no currentScript.
const script = document.currentScript?.src || document.querySelector('script[src*="/public/listen-sdk"]')?.src;
const HOST = new URL(script).origin;

const trouble = (code, message = SENTENCES[code]) => Object.assign(new Error(message), {code});

/** A promise that is settled from outside. */
function later() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, {resolve, reject}));
  return made;
}

/** Read a listener token's answer; undefined when it is none. */
function readGrant(given) {
  const {url, token, expires_at: expiry} = given ?? {};
  if (!url || !token || typeof url !== "string" || typeof token !== "string") return undefined;
  return {url, token, expires_at: expiry && String(expiry)};
}

/** Read which embed a token is for; undefined when it cannot be read. @param {string} token */
function embedOf(token) {
  try {
    const payload = atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(payload, (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)).attributes["anyreach.embed"];
  } catch {
    return undefined;
  }
}

/**
 * Put our frame into the page and greet it.
 *
 * @param {{embed: string, nonce?: string, panel?: HTMLElement, hear: (word) => void, fail: (code) => void,
 *   leave: () => void}} given  panel: shows the frame, which is hidden otherwise; leave: the page is going away
 */
function openFrame({embed, nonce, panel, hear, fail, leave}) {
  const {port1: port, port2: theirs} = new MessageChannel();
  const iframe = document.createElement("iframe");
  let greeted, unanswered;

  function load() {
    // The page inside that had our port is gone.
    if (greeted) return fail("frame_lost");
    greeted = true;
    iframe.contentWindow.postMessage({type: HELLO, version: VERSION}, HOST, [theirs]);
    unanswered = setTimeout(fail, GREETING_MS, "frame_blocked");
  }

  // No event tells that the page has removed the frame, or something around it.
  const watch = setInterval(() => greeted && !iframe.isConnected && fail("frame_lost"), WATCH_MS);

  const frame = {
    ready: false,
    isThere: () => iframe.isConnected,
    // What is said before the greeting waits in the port.
    say: (word) => (iframe.isConnected ? port.postMessage(word) : fail("frame_lost")),
    resize: (height) => (iframe.style.height = `${height}px`),
    remove() {
      clearTimeout(unanswered);
      removeEventListener("pagehide", leave);
      iframe.removeEventListener("load", load);
      clearInterval(watch);
      port.onmessage = null;
      port.close();
      iframe.remove();
    },
  };

  port.onmessage = ({data}) => {
    clearTimeout(unanswered);
    frame.ready ||= data.type === "ready";
    hear(data);
  };
  addEventListener("pagehide", leave);
  iframe.addEventListener("load", load);

  Object.assign(iframe, {title: "AnyReach", allow: "autoplay", referrerPolicy: "origin"});
  if (nonce) iframe.nonce = nonce;
  if (panel) {
    Object.assign(iframe.style, {display: "block", width: "100%", border: "none"});
  } else {
    Object.assign(iframe, {hidden: true, tabIndex: -1});
    iframe.setAttribute("aria-hidden", "true");
    iframe.style.display = "none"; // a page's "iframe {display: block}" is stronger than hidden
  }
  iframe.src = `${HOST}/public/listen?embed=${encodeURIComponent(embed)}${panel ? "&panel" : ""}`;
  (panel ?? document.body ?? document.documentElement).append(iframe);
  return frame;
}

/** Make the list of who listens for what. */
function makeEvents() {
  const handlers = Object.create(null);
  const untold = [];
  return {
    has: (event) => handlers[event]?.size > 0,
    add: (event, handler) => (handlers[event] ??= new Set()).add(handler),
    remove: (event, handler) => handlers[event]?.delete(handler),

    /** Tell the page [event, payload] after [event, payload], in this order even if a handler makes more happen. */
    tell(...events) {
      const telling = untold.length > 0;
      untold.push(...events);
      if (telling) return;
      for (; untold.length; untold.shift()) {
        const [event, payload] = untold[0];
        for (const handler of [...(handlers[event] ?? [])]) {
          if (!handlers[event].has(handler)) continue; // removed by one before
          try {
            handler(payload);
          } catch (error) {
            reportError(error);
          }
        }
      }
    },
  };
}

/**
 * Make a session of what the page gave.
 *
 * @param {AnyReach.ListenOptions} options
 * @param {object} session  gets the methods
 * @param {HTMLElement} [panel]  shows the frame
 * @returns {AnyReach.ListenSession}
 */
function open(options, session, panel) {
  const {getToken, nonce} = options ?? {};
  const events = makeEvents();
  const {tell} = events;
  const starts = new Map(); // startAudio() by id, until the frame has answered
  let startCount = 0;
  let state = "idle";
  let muted = Boolean(panel);
  let volume = 1;
  let own = readGrant(options);
  let frame; // from listen() on, so that it is warm at connect()
  let joined = false; // whether the frame was told to connect
  let attempt; // the connect() that is under way or has succeeded
  let deadline;
  let leaving; // until the frame is removed by force
  let ended = later();
  let over = false; // whether "ended" was told

  const say = (word) => joined && frame.say(word);

  function drop() {
    frame?.remove();
    frame = undefined;
    joined = false;
  }

  /** Be out of the call: refuse what waits for it. Returns the events to tell. */
  function out(error = trouble("ended")) {
    clearTimeout(deadline);
    attempt?.reject(error);
    attempt = undefined;
    for (const start of starts.values()) start.reject(error);
    starts.clear();
    if (state === "disconnected") return [];
    state = "disconnected";
    return [["stateChange", state]];
  }

  /** Take the frame away. Returns the events to tell. */
  function close() {
    clearTimeout(leaving);
    leaving = undefined;
    drop();
    ended.resolve();
    if (over) return [];
    over = true;
    return [["ended"]];
  }

  const closeSoon = () => (leaving ??= setTimeout(() => tell(...close()), END_MS));
  const errorEvent = ({code, message}) => ["error", {message, code}];

  function fail(code, message) {
    // Before connect() nobody asked for anything: it will make another frame, and tell if that fails too.
    if (state === "idle") return drop();
    if (state === "disconnected") return tell(...close());
    const error = trouble(code, message);
    tell(errorEvent(error), ...out(error), ...close());
  }

  const hears = {
    connected() {
      if (state === "connected" || leaving) return;
      clearTimeout(deadline);
      state = "connected";
      attempt ??= later(); // a panel's own "again"
      attempt.resolve();
      tell(["stateChange", state]);
    },
    failed({code, message}) {
      if (!panel || !frame.ready) return fail(code, message);
      // The panel is up and shows why, until the person closes it.
      const error = trouble(code, message);
      tell(errorEvent(error), ...out(error));
    },
    error({code, message}) {
      if (state === "connecting") return hears.failed({code, message});
      tell(errorEvent({code, message}));
    },
    transcript: ({line: {id, role, text, final}}) => tell(["transcript", {id, role, text, final}]),
    agentDisconnected: ({participantIdentity}) => tell(["agentDisconnected", {participantIdentity}]),
    audioBlocked: () => tell(["audioBlocked"]),
    quality: ({quality}) => tell(["quality", quality]),
    level: ({participantIdentity, role, level}) => tell(["level", {participantIdentity, role, level}]),
    muted: (word) => (muted = word.muted),
    height: ({height}) => panel && frame.resize(height),
    done({id, code, message}) {
      const start = starts.get(id);
      starts.delete(id);
      if (code) start?.reject(trouble(code, message));
      else start?.resolve();
    },
    async need({id, renews}) {
      const asked = frame;
      const unanswered = new Promise((resolve) => setTimeout(resolve, GRANT_MS));
      const grant = await Promise.race([ask({renews}), unanswered]);
      if (frame === asked) say({type: "grant", id, grant});
    },
    disconnected() {
      if (!panel) closeSoon();
      tell(...out());
    },
    ended: () => tell(...out(), ...close()),
  };

  /** Ask the page for a grant; undefined when it has none. */
  async function ask(why) {
    try {
      return readGrant(await getToken(why));
    } catch {
      return undefined;
    }
  }

  function makeFrame(embed) {
    drop();
    frame = openFrame({
      embed,
      nonce,
      panel,
      fail,
      // What a page hears that has left is of no more interest to it.
      hear: (word) => (!leaving || word.type === "ended") && hears[word.type]?.(word),
      leave: () => (state === "idle" ? drop() : tell(...out(), ...close())),
    });
  }

  async function join(mine) {
    if (attempt !== mine) return; // ended by a handler of "connecting"
    const grant = own ?? (getToken && (await ask({})));
    if (attempt !== mine) return;
    if (!grant) return fail(getToken ? "token_refused" : "invalid_options");
    const embed = embedOf(grant.token);
    if (!embed) return fail("invalid_options");
    if (getToken) own = undefined; // the next time another is asked for
    if (!frame?.isThere()) makeFrame(embed);
    joined = true;
    say({type: "connect", grant, renewable: Boolean(getToken), muted, volume});
    if (events.has("level")) say({type: "levels"});
    for (const id of starts.keys()) say({type: "startAudio", id});
  }

  function connect() {
    if (attempt) return attempt.promise;
    const mine = (attempt = later());
    const past = state === "idle" ? [] : close();
    ended = later();
    over = false;
    state = "connecting";
    // A frame that has not even loaded by now is blocked.
    deadline = setTimeout(() => fail(!frame || frame.ready ? "timeout" : "frame_blocked"), CONNECT_MS);
    tell(...past, ["stateChange", state]);
    join(mine);
    return mine.promise;
  }

  function startAudio() {
    if (state === "disconnected") return Promise.reject(trouble("ended"));
    const start = later();
    const id = ++startCount;
    starts.set(id, start);
    const late = joined; // otherwise joining says it
    const connected = connect();
    if (late) say({type: "startAudio", id});
    return Promise.all([connected, start.promise]).then(() => {});
  }

  function mute(next) {
    muted = next;
    say({type: next ? "mute" : "unmute"});
  }

  function end() {
    if (!joined || !frame.isThere()) {
      tell(...out(), ...close());
    } else if (!leaving) {
      say({type: "end"});
      closeSoon();
      tell(...out());
    }
    return ended.promise;
  }

  const embed = own && embedOf(own.token);
  if (embed) {
    makeFrame(embed);
    frame.say({type: "prepare", grant: own});
  }

  return Object.assign(session, {
    connect,
    startAudio,
    mute: () => mute(true),
    unmute: () => mute(false),
    isMuted: () => muted,
    setVolume(next) {
      if (!Number.isFinite(next)) return;
      volume = Math.min(1, Math.max(0, next));
      say({type: "volume", volume});
    },
    getState: () => state,
    end,
    on(event, handler) {
      if (event === "level" && !events.has(event)) say({type: "levels"});
      events.add(event, handler);
      return session;
    },
    off(event, handler) {
      events.remove(event, handler);
      return session;
    },
  });
}

/** <anyreach-listen>: the panel, ready-made. It is given its token by listen(), never by an attribute. */
class ListenElement extends HTMLElement {
  #session;

  listen(options) {
    this.#session?.end();
    this.#session = open(options, {}, this);
    this.#begin();
    return this.#session;
  }

  connectedCallback() {
    this.#begin();
  }

  disconnectedCallback() {
    this.#session?.end();
  }

  #begin() {
    if (!this.isConnected || this.#session?.getState() !== "idle") return;
    this.#session.connect().catch(() => {}); // the page hears "error"
  }
}

/** Take what the stub has kept, and from now on what it would keep. @param {Array} kept */
function take(kept, each) {
  kept.splice(0).forEach(each);
  kept.push = each;
}

const stub = window.AnyReach;
if (!stub || stub.q) {
  window.AnyReach = {listen: (options) => open(options, {})};
  if (!customElements.get("anyreach-listen")) customElements.define("anyreach-listen", ListenElement);
  if (stub) {
    take(stub.q, ([options, session, calls]) => {
      open(options, session);
      take(calls, ([method, given, settle]) => settle(session[method](...given)));
    });
  }
}
