// @vitest-environment jsdom

import {afterEach, beforeEach, describe, expect, test, vi} from "vitest";

import {HELLO, VERSION} from "../../static/js/sdk/words.js";

const HOST = "https://anyreach.test";
const EMBED = "5f0c9a1e-0000-4000-8000-00000000e3b7";

function token(attributes = {"anyreach.embed": EMBED}) {
  const part = (claims) => Buffer.from(JSON.stringify(claims)).toString("base64url");
  return `${part({alg: "HS256"})}.${part({sub: "listener-1", name: "Zoë ÿ≿", attributes})}.signature`;
}

const grant = (more) => ({url: "wss://livekit.test", token: token(), ...more});

/** The frame's side: what it was told, and its port. */
class FakeFrame {
  heard = [];
  prepared = [];

  constructor(iframe = document.querySelector("iframe")) {
    this.iframe = iframe;
    this.greetings = vi.spyOn(iframe.contentWindow, "postMessage").mockImplementation(() => {});
  }

  /** The browser has loaded it; it takes the port. */
  load() {
    this.iframe.dispatchEvent(new Event("load"));
    const [, , ports] = this.greetings.mock.lastCall;
    this.port = ports[0];
    this.port.onmessage = ({data}) => (data.type === "prepare" ? this.prepared : this.heard).push(data);
    return this;
  }

  async say(...words) {
    for (const word of words) this.port.postMessage(typeof word === "string" ? {type: word} : word);
    await settle();
  }

  types() {
    return this.heard.map(({type}) => type);
  }
}

/** Until what was posted has arrived and what it set off has happened. */
async function settle() {
  for (let turn = 0; turn < 3; turn++) {
    const {port1, port2} = new MessageChannel();
    await new Promise((resolve) => {
      port1.onmessage = resolve;
      port2.postMessage("");
    });
    port1.close();
    await new Promise(setImmediate);
  }
}

const pass = (seconds) => vi.advanceTimersByTimeAsync(seconds * 1000);
const iframes = () => [...document.querySelectorAll("iframe")];

const EVENTS = "stateChange transcript agentDisconnected error ended audioBlocked quality level".split(" ");

/** Write down what a session tells. */
function listenTo(session, events = EVENTS.slice(0, -1)) {
  const told = [];
  for (const event of events) {
    session.on(event, (payload) => told.push(payload === undefined ? [event] : [event, payload]));
  }
  return told;
}

let sessions;

function listen(options = grant()) {
  const session = window.AnyReach.listen(options);
  sessions.push(session);
  return session;
}

/** A session that has connected, and the frame's side of it. */
async function connected(options) {
  const session = listen(options);
  const promise = session.connect();
  await settle();
  const frame = new FakeFrame().load();
  await frame.say("ready", "connected");
  await promise;
  return {session, frame};
}

beforeEach(async () => {
  vi.useFakeTimers({toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval"]});
  vi.stubGlobal("reportError", vi.fn());
  sessions = [];
  if (window.AnyReach) return;
  const script = document.createElement("script");
  script.src = `${HOST}/public/listen-sdk`;
  document.head.append(script);
  await import("../../static/js/sdk/listen.js");
});

afterEach(() => {
  window.dispatchEvent(new Event("pagehide"));
  document.body.replaceChildren();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("the frame in the page", () => {
  test("is there, hidden and harmless, as soon as listen() is called", () => {
    listen(grant({nonce: "n0nce"}));

    const [iframe] = iframes();
    expect(iframe.src).toBe(`${HOST}/public/listen?embed=${EMBED}`);
    expect(iframe.parentNode).toBe(document.body);
    expect(iframe.hidden).toBe(true);
    expect(iframe.style.display).toBe("none");
    expect(iframe.allow).toBe("autoplay");
    expect(iframe.title).not.toBe("");
    expect(iframe.getAttribute("aria-hidden")).toBe("true");
    expect(iframe.tabIndex).toBe(-1);
    expect(iframe.referrerPolicy).toBe("origin");
    expect(iframe.nonce).toBe("n0nce");
  });

  test("comes without a body too", () => {
    const {body} = document;
    body.remove();
    listen();

    expect(iframes()[0].parentNode).toBe(document.documentElement);
    iframes()[0].remove();
    document.documentElement.append(body);
  });

  test("shows the token nowhere", async () => {
    const {session} = await connected();

    expect(document.documentElement.outerHTML).not.toContain(token());
    expect(JSON.stringify(localStorage) + JSON.stringify(sessionStorage) + document.cookie).not.toContain(token());
    expect(JSON.stringify(session)).not.toContain(token());
  });

  test("is greeted when it has loaded, and only if it is ours", () => {
    listen();
    const frame = new FakeFrame();
    expect(frame.greetings).not.toHaveBeenCalled();

    frame.load();

    expect(frame.greetings).toHaveBeenCalledExactlyOnceWith(
      {type: HELLO, version: VERSION}, HOST, [expect.any(MessagePort)],
    );
  });

  test("is given what it will connect with, to prepare, before connect()", async () => {
    listen();
    const frame = new FakeFrame().load();
    await settle();

    expect(frame.prepared).toEqual([{type: "prepare", grant: grant()}]);
    expect(frame.heard).toEqual([]);
  });

  test("waits for connect() when the token is still to be had", async () => {
    const getToken = vi.fn(async () => grant());
    const session = listen({getToken});
    expect(iframes()).toEqual([]);
    expect(getToken).not.toHaveBeenCalled();

    session.connect().catch(() => {});
    await settle();

    expect(getToken).toHaveBeenCalledExactlyOnceWith({});
    expect(iframes()).toHaveLength(1);
  });
});

describe("connecting", () => {
  test("tells the states in order and resolves at last", async () => {
    const session = listen();
    const told = listenTo(session);
    expect(session.getState()).toBe("idle");

    const promise = session.connect().then(() => told.push("resolved"));
    expect(session.getState()).toBe("connecting");
    const frame = new FakeFrame().load();
    await frame.say("ready", "connected");
    await promise;

    expect(session.getState()).toBe("connected");
    expect(told).toEqual([["stateChange", "connecting"], ["stateChange", "connected"], "resolved"]);
    expect(frame.heard).toEqual([{type: "connect", grant: grant(), renewable: false, muted: false, volume: 1}]);
  });

  test("is one promise while it lasts, and asks once", async () => {
    const session = listen();

    const promise = session.connect();
    expect(session.connect()).toBe(promise);
    const frame = new FakeFrame().load();
    await frame.say("ready", "connected");

    expect(session.connect()).toBe(promise);
    expect(frame.types()).toEqual(["connect"]);
  });

  test("takes along what was set before", async () => {
    const session = listen({...grant(), getToken: async () => grant()});
    session.mute();
    session.setVolume(0.25);
    session.on("level", () => {});

    session.connect().catch(() => {});
    const frame = new FakeFrame().load();
    await settle();

    expect(frame.heard).toEqual([
      {type: "connect", grant: grant(), renewable: true, muted: true, volume: 0.25},
      {type: "levels"},
    ]);
  });

  const refusals = [
    ["no token", {url: "wss://livekit.test"}, "invalid_options"],
    ["a token that is no text", {url: "wss://livekit.test", token: 7}, "invalid_options"],
    ["nothing at all", undefined, "invalid_options"],
    ["null", null, "invalid_options"],
    ["a token that cannot be read", {...grant(), token: "secret"}, "invalid_options"],
    ["a token that is for no embed", {...grant(), token: token({})}, "invalid_options"],
    ["a getToken() that has none", {getToken: async () => ({detail: "no"})}, "token_refused"],
    ["a getToken() that fails", {getToken: () => { throw new Error("secret"); }}, "token_refused"],
    ["a getToken() that is no function", {getToken: "secret"}, "token_refused"],
  ];

  test.each(refusals)("with %s rejects and says so", async (_, options, code) => {
    const session = window.AnyReach.listen(options);
    const told = listenTo(session);

    const error = await session.connect().catch((caught) => caught);

    expect(error).toBeInstanceOf(Error);
    expect(error.code).toBe(code);
    expect(error.message).not.toContain("secret");
    expect(told).toEqual([
      ["stateChange", "connecting"],
      ["error", {message: error.message, code}],
      ["stateChange", "disconnected"],
      ["ended"],
    ]);
    expect(iframes()).toEqual([]);
  });

  test.each(["failed", "error"])("rejects with what the frame says (%s)", async (type) => {
    const session = listen();
    const told = listenTo(session);
    const promise = session.connect();
    promise.catch(() => {});
    const frame = new FakeFrame().load();

    await frame.say({type, code: "embed_refused", message: "https://shop.test is not listed."});

    await expect(promise).rejects.toMatchObject({code: "embed_refused", message: "https://shop.test is not listed."});
    expect(told.map(([event]) => event)).toEqual(["stateChange", "error", "stateChange", "ended"]);
    expect(iframes()).toEqual([]);
  });

  test("rejects after 5 s when the frame does not answer", async () => {
    const session = listen();
    const promise = session.connect();
    promise.catch(() => {});
    new FakeFrame().load();

    await pass(4.9);
    expect(session.getState()).toBe("connecting");
    await pass(0.1);

    await expect(promise).rejects.toMatchObject({code: "frame_blocked"});
    expect(iframes()).toEqual([]);
  });

  test("rejects after 15 s when the frame never loads", async () => {
    const promise = listen().connect();
    promise.catch(() => {});

    await pass(15);

    await expect(promise).rejects.toMatchObject({code: "frame_blocked"});
  });

  test("rejects after 15 s when the frame cannot connect", async () => {
    const session = listen();
    const promise = session.connect();
    promise.catch(() => {});
    await new FakeFrame().load().say("ready");

    await pass(14.9);
    expect(session.getState()).toBe("connecting");
    await pass(0.1);

    await expect(promise).rejects.toMatchObject({code: "timeout"});
    expect(session.getState()).toBe("disconnected");
  });

  test("rejects after 15 s when getToken() hangs, and takes no late token", async () => {
    let answer;
    const session = listen({getToken: () => new Promise((resolve) => (answer = resolve))});
    const promise = session.connect();
    promise.catch(() => {});

    await pass(15);
    await expect(promise).rejects.toMatchObject({code: "timeout"});
    answer(grant());
    await settle();

    expect(iframes()).toEqual([]);
  });

  test("rejects when it is ended meanwhile, which is no error", async () => {
    const session = listen();
    const told = listenTo(session);
    const promise = session.connect();
    const frame = new FakeFrame().load();
    await frame.say("ready");

    session.end();

    await expect(promise).rejects.toMatchObject({code: "ended"});
    await frame.say("connected");
    expect(session.getState()).toBe("disconnected");
    expect(told).toEqual([["stateChange", "connecting"], ["stateChange", "disconnected"]]);
  });

  test("makes another frame when the warm one was refused, removed or moved before", async () => {
    const session = listen();
    const told = listenTo(session);
    await new FakeFrame().load().say({type: "failed", code: "embed_refused", message: "No."});
    expect(iframes()).toEqual([]);
    expect(told).toEqual([]);

    session.connect().catch(() => {});
    expect(iframes()).toHaveLength(1);

    const removed = listen();
    new FakeFrame(iframes().at(-1)).load().iframe.remove();
    removed.connect().catch(() => {});
    expect(iframes()).toHaveLength(2);
    await pass(5);
    expect(removed.getState()).toBe("connecting");
  });

  test("has 15 s each time", async () => {
    const session = listen();
    session.connect().catch(() => {});
    await pass(10);
    session.end();

    session.connect().catch(() => {});
    await pass(10);

    expect(session.getState()).toBe("connecting");
  });

  test("does not begin when a handler ends it at once", async () => {
    const getToken = vi.fn();
    const session = listen({getToken});
    const told = listenTo(session);
    session.on("stateChange", (state) => state === "connecting" && session.end());

    await expect(session.connect()).rejects.toMatchObject({code: "ended"});

    expect(told).toEqual([["stateChange", "connecting"], ["stateChange", "disconnected"], ["ended"]]);
    expect(getToken).not.toHaveBeenCalled();
    expect(iframes()).toEqual([]);
  });

  test("may be done again, with another token", async () => {
    const getToken = vi.fn(async () => grant({url: "wss://other.test"}));
    const {session, frame} = await connected(grant({getToken}));
    const told = listenTo(session);
    expect(getToken).not.toHaveBeenCalled();
    await frame.say("disconnected", "ended");

    const again = session.connect();
    await settle();
    const second = new FakeFrame().load();
    await second.say("ready", "connected");
    await again;

    expect(getToken).toHaveBeenCalledOnce();
    expect(second.heard[0].grant.url).toBe("wss://other.test");
    expect(second.iframe).not.toBe(frame.iframe);
    expect(told).toEqual([
      ["stateChange", "disconnected"], ["ended"], ["stateChange", "connecting"], ["stateChange", "connected"],
    ]);

    const ended = vi.fn();
    session.end().then(ended);
    await settle();
    expect(ended).not.toHaveBeenCalled();
    await second.say("ended");
    expect(ended).toHaveBeenCalledOnce();
    expect(told.slice(4)).toEqual([["stateChange", "disconnected"], ["ended"]]);
  });
});

describe("what is heard", () => {
  test("reaches the page in the contract's words and no others", async () => {
    const {session, frame} = await connected();
    const told = listenTo(session, EVENTS);

    await frame.say(
      {type: "transcript", line: {id: "s1", role: "user", text: "Hello", final: false, at: 12}},
      "audioBlocked",
      {type: "quality", quality: "poor"},
      {type: "level", participantIdentity: "agent-1", role: "agent", level: 0.5},
      {type: "error", code: "renewal_failed", message: "No other token was had."},
      {type: "agentDisconnected", participantIdentity: "agent-1"},
      "constructor",
      "connected",
      "disconnected",
      "ended",
    );

    expect(told).toEqual([
      ["transcript", {id: "s1", role: "user", text: "Hello", final: false}],
      ["audioBlocked"],
      ["quality", "poor"],
      ["level", {participantIdentity: "agent-1", role: "agent", level: 0.5}],
      ["error", {code: "renewal_failed", message: "No other token was had."}],
      ["agentDisconnected", {participantIdentity: "agent-1"}],
      ["stateChange", "disconnected"],
      ["ended"],
    ]);
    expect(iframes()).toEqual([]);
  });

  test("has levels only once somebody listens for them", async () => {
    const {session, frame} = await connected();
    expect(frame.types()).not.toContain("levels");

    session.on("level", () => {}).on("level", () => {});
    await settle();

    expect(frame.types()).toEqual(["connect", "levels"]);
  });

  test("ends without the frame's last word too", async () => {
    const {session, frame} = await connected();
    const told = listenTo(session);

    await frame.say("disconnected");
    expect(told).toEqual([["stateChange", "disconnected"]]);
    await pass(3);

    expect(told).toEqual([["stateChange", "disconnected"], ["ended"]]);
    expect(iframes()).toEqual([]);
  });
});

describe("handlers", () => {
  test("that throw stop neither others nor the session", async () => {
    const {session, frame} = await connected();
    const failure = new Error("the page's own");
    const heard = vi.fn();
    session.on("audioBlocked", () => { throw failure; }).on("audioBlocked", heard);

    await frame.say("audioBlocked");

    expect(heard).toHaveBeenCalledOnce();
    expect(reportError).toHaveBeenCalledExactlyOnceWith(failure);
    expect(session.getState()).toBe("connected");
  });

  test("run once however often they were added, and not when removed", async () => {
    const {session, frame} = await connected();
    const twice = vi.fn();
    const never = vi.fn();
    session.on("audioBlocked", twice).on("audioBlocked", twice);
    expect(session.on("audioBlocked", never).off("audioBlocked", never).off("level", never)).toBe(session);

    await frame.say("audioBlocked");

    expect(twice).toHaveBeenCalledOnce();
    expect(never).not.toHaveBeenCalled();
  });

  test("may remove themselves and others while they run", async () => {
    const {session, frame} = await connected();
    const removed = vi.fn();
    const last = vi.fn();
    const first = vi.fn(() => session.off("audioBlocked", first).off("audioBlocked", removed));
    session.on("audioBlocked", first).on("audioBlocked", removed).on("audioBlocked", last);

    await frame.say("audioBlocked", "audioBlocked");

    expect(first).toHaveBeenCalledOnce();
    expect(removed).not.toHaveBeenCalled();
    expect(last).toHaveBeenCalledTimes(2);
  });

  test("that connect again do not mix up the events", async () => {
    const {session, frame} = await connected();
    const states = [];
    session.on("error", () => session.connect().catch(() => {}));
    for (const event of ["error", "stateChange", "ended"]) {
      session.on(event, (payload) => states.push(payload?.code ?? payload ?? event));
    }

    frame.iframe.dispatchEvent(new Event("load"));

    expect(states).toEqual(["frame_lost", "disconnected", "ended", "connecting"]);
    expect(session.getState()).toBe("connecting");
    expect(iframes()).toHaveLength(1);
  });
});

describe("sound", () => {
  test("begins within the click and resolves when it plays", async () => {
    const {session, frame} = await connected();
    const posted = vi.spyOn(MessagePort.prototype, "postMessage");

    const promise = session.startAudio();
    expect(posted).toHaveBeenCalledWith({type: "startAudio", id: 1});
    posted.mockRestore();
    await frame.say({type: "done", id: 1});

    await expect(promise).resolves.toBeUndefined();
    expect(session.isMuted()).toBe(false);
  });

  test("rejects when the browser refuses it, and may be tried again", async () => {
    const {session, frame} = await connected();

    const refused = session.startAudio();
    const played = session.startAudio();
    refused.catch(() => {});
    await frame.say({type: "done", id: 1, code: "audio_blocked", message: "Click first."}, {type: "done", id: 2});

    await expect(refused).rejects.toMatchObject({code: "audio_blocked", message: "Click first."});
    await expect(played).resolves.toBeUndefined();
    expect(session.getState()).toBe("connected");
  });

  test("waits for connect(), and begins it if nobody has", async () => {
    const session = listen();

    const promise = session.startAudio();
    expect(session.getState()).toBe("connecting");
    const frame = new FakeFrame().load();
    await frame.say("ready", {type: "done", id: 1});
    expect(frame.types()).toEqual(["connect", "startAudio"]);
    expect(await Promise.race([promise, "waiting"])).toBe("waiting");
    await frame.say("connected");

    await expect(promise).resolves.toBeUndefined();
  });

  test("is asked for once when the token comes late", async () => {
    const session = listen({getToken: async () => grant()});
    session.connect().catch(() => {});
    session.startAudio().catch(() => {});
    await settle();

    const frame = new FakeFrame().load();
    await settle();

    expect(frame.types()).toEqual(["connect", "startAudio"]);
  });

  test("rejects with connect(), and after the end", async () => {
    const session = listen();
    session.connect().catch(() => {});
    const promise = session.startAudio();
    promise.catch(() => {});

    await new FakeFrame().load().say({type: "failed", code: "unreachable", message: "LiveKit did not answer."});

    await expect(promise).rejects.toMatchObject({code: "unreachable"});
    await expect(session.startAudio()).rejects.toMatchObject({code: "ended"});
    expect(session.getState()).toBe("disconnected");
  });

  test("rejects when the session ends before it plays", async () => {
    const {session} = await connected();
    const promise = session.startAudio();
    promise.catch(() => {});

    session.end();

    await expect(promise).rejects.toMatchObject({code: "ended"});
  });

  test("is muted and unmuted, and has a volume between 0 and 1", async () => {
    const {session, frame} = await connected();

    session.mute();
    expect(session.isMuted()).toBe(true);
    session.unmute();
    expect(session.isMuted()).toBe(false);
    for (const volume of [0.5, 7, -1, NaN, undefined]) session.setVolume(volume);
    await settle();

    expect(frame.heard.slice(1)).toEqual([
      {type: "mute"}, {type: "unmute"},
      {type: "volume", volume: 0.5}, {type: "volume", volume: 1}, {type: "volume", volume: 0},
    ]);
  });
});

describe("renewal", () => {
  const need = {type: "need", id: 4, renews: "listener-1"};

  test("asks the page, which learns what is renewed", async () => {
    const getToken = vi.fn(async () => grant({token: token({"anyreach.embed": "other"}), room_name: "conv-1"}));
    const {frame} = await connected(grant({getToken}));

    await frame.say(need);

    expect(getToken).toHaveBeenCalledExactlyOnceWith({renews: "listener-1"});
    const renewed = grant({token: token({"anyreach.embed": "other"})});
    expect(frame.heard.at(-1)).toEqual({type: "grant", id: 4, grant: renewed});
  });

  const failures = [
    ["throws", () => { throw new Error("no"); }],
    ["rejects", async () => { throw new Error("no"); }],
    ["gives something else", async () => ({url: "wss://livekit.test", token: null})],
  ];

  test.each(failures)("is answered at once when getToken() %s", async (_, getToken) => {
    const {session, frame} = await connected(grant({getToken}));

    await frame.say(need);

    expect(frame.heard.at(-1)).toEqual({type: "grant", id: 4});
    expect(session.getState()).toBe("connected");
  });

  test("is answered after 15 s when getToken() hangs", async () => {
    const {frame} = await connected(grant({getToken: () => new Promise(() => {})}));
    await frame.say(need);
    await pass(14.9);
    await settle();
    expect(frame.types()).not.toContain("grant");

    await pass(0.1);
    await settle();

    expect(frame.heard.at(-1)).toEqual({type: "grant", id: 4});
  });

  test("is answered without a grant when the page has no getToken", async () => {
    const {frame} = await connected();

    await frame.say(need);

    expect(frame.heard.at(-1)).toEqual({type: "grant", id: 4});
  });

  test("is not answered to a frame that has come after", async () => {
    let answer;
    const {session, frame} = await connected(grant({getToken: () => new Promise((resolve) => (answer = resolve))}));
    await frame.say(need);
    await frame.say("disconnected", "ended");
    const late = answer;
    session.connect().catch(() => {});
    answer(grant());
    await settle();
    const second = new FakeFrame().load();

    late(grant());
    await settle();

    expect(second.types()).toEqual(["connect"]);
  });
});

describe("the end", () => {
  test("is one promise, which resolves when the frame is gone", async () => {
    const {session, frame} = await connected();
    const told = listenTo(session);

    const promise = session.end();
    expect(session.end()).toBe(promise);
    expect(session.getState()).toBe("disconnected");
    expect(iframes()).toHaveLength(1);
    const late = {id: "s1", role: "user", text: "Late", final: true};
    await frame.say({type: "transcript", line: late}, "disconnected", "ended");
    await promise;

    expect(session.end()).toBe(promise);
    expect(frame.types()).toEqual(["connect", "end"]);
    expect(told).toEqual([["stateChange", "disconnected"], ["ended"]]);
    expect(iframes()).toEqual([]);
  });

  test("is forced after 3 s", async () => {
    const {session} = await connected();
    const promise = session.end();

    await pass(2.9);
    expect(iframes()).toHaveLength(1);
    await pass(0.1);

    await promise;
    expect(iframes()).toEqual([]);
  });

  test("is fine before anything has begun, and while a token is awaited", async () => {
    const idle = listen();
    const told = listenTo(idle);
    await idle.end();
    expect(told).toEqual([["stateChange", "disconnected"], ["ended"]]);

    const waiting = listen({getToken: () => new Promise(() => {})});
    const promise = waiting.connect();
    promise.catch(() => {});
    await waiting.end();
    await expect(promise).rejects.toMatchObject({code: "ended"});
    expect(iframes()).toEqual([]);
  });

  test("may come from a handler that hears of the connection, and connect() begins anew", async () => {
    const session = listen();
    session.on("stateChange", (state) => state === "connected" && session.end());
    const first = session.connect();
    const frame = new FakeFrame().load();

    await frame.say("ready", "connected", "ended");
    await first;

    expect(session.getState()).toBe("disconnected");
    const second = session.connect();
    second.catch(() => {});
    expect(second).not.toBe(first);
    expect(session.getState()).toBe("connecting");
  });

  test("does not keep a new beginning waiting", async () => {
    const {session} = await connected();
    const ending = session.end();

    session.connect().catch(() => {});
    await ending;
    expect(iframes()).toHaveLength(1);
    await pass(3);

    expect(iframes()).toHaveLength(1);
    expect(session.getState()).toBe("connecting");
  });

  test("comes at once with the page's, so that nothing listens from the back/forward cache", async () => {
    const {session} = await connected();
    const told = listenTo(session);

    window.dispatchEvent(new Event("pagehide"));

    expect(iframes()).toEqual([]);
    expect(told).toEqual([["stateChange", "disconnected"], ["ended"]]);
    session.connect().catch(() => {});
    expect(iframes()).toHaveLength(1);
  });

  test("is not told when the page goes before anything has begun", () => {
    const session = listen();
    const told = listenTo(session);

    window.dispatchEvent(new Event("pagehide"));

    expect(iframes()).toEqual([]);
    expect(told).toEqual([]);
    expect(session.getState()).toBe("idle");
  });

  const losses = [
    ["loads again", ({iframe}) => iframe.dispatchEvent(new Event("load"))],
    ["was removed", ({iframe}) => { iframe.remove(); return pass(1); }],
    ["was removed when there is something to say to it", ({iframe}, session) => { iframe.remove(); session.mute(); }],
  ];

  test.each(losses)("comes when the frame %s", async (_, lose) => {
    const {session, frame} = await connected();
    const told = listenTo(session);

    await lose(frame, session);

    expect(told).toEqual([
      ["error", {code: "frame_lost", message: expect.any(String)}], ["stateChange", "disconnected"], ["ended"],
    ]);
    expect(iframes()).toEqual([]);
    await session.end();
  });
});

describe("the element", () => {
  /** An <anyreach-listen> in the page that has connected. */
  async function panel() {
    const element = document.createElement("anyreach-listen");
    document.body.append(element);
    const session = element.listen(grant());
    const frame = new FakeFrame(element.querySelector("iframe")).load();
    await frame.say("ready", "connected");
    return {element, session, frame};
  }

  test("shows the frame, connects by itself and starts muted", async () => {
    const {element, session, frame} = await panel();

    expect(session.getState()).toBe("connected");
    expect(session.isMuted()).toBe(true);
    expect(frame.iframe.src).toBe(`${HOST}/public/listen?embed=${EMBED}&panel`);
    expect(frame.iframe.hidden).toBe(false);
    expect(frame.iframe.hasAttribute("aria-hidden")).toBe(false);
    expect(frame.iframe.style.width).toBe("100%");
    expect(frame.heard).toEqual([{type: "connect", grant: grant(), renewable: false, muted: true, volume: 1}]);
    expect(element.outerHTML).not.toContain(token());
  });

  test("connects when it comes into the page", () => {
    const element = document.createElement("anyreach-listen");
    const session = element.listen(grant());
    expect(session.getState()).toBe("idle");

    document.body.append(element);

    expect(session.getState()).toBe("connecting");
  });

  test("is as high as its panel, and knows whether that is muted", async () => {
    const {session, frame} = await panel();

    await frame.say({type: "height", height: 321}, {type: "muted", muted: false});

    expect(frame.iframe.style.height).toBe("321px");
    expect(session.isMuted()).toBe(false);
  });

  test("shows why it is over until Stop is pressed", async () => {
    const {session, frame} = await panel();
    const told = listenTo(session);

    await frame.say("disconnected");
    await pass(60);
    expect(told).toEqual([["stateChange", "disconnected"]]);
    expect(iframes()).toHaveLength(1);
    await frame.say("ended");

    expect(told).toEqual([["stateChange", "disconnected"], ["ended"]]);
    expect(iframes()).toEqual([]);
  });

  test("shows why it could not connect, and may connect after all", async () => {
    const element = document.createElement("anyreach-listen");
    document.body.append(element);
    const session = element.listen(grant());
    const told = listenTo(session);
    const frame = new FakeFrame().load();

    await frame.say("ready", {type: "failed", code: "unreachable", message: "LiveKit did not answer."});
    expect(told.map(([event]) => event)).toEqual(["error", "stateChange"]);
    expect(iframes()).toHaveLength(1);
    await frame.say("connected");

    expect(session.getState()).toBe("connected");
  });

  test("is taken away when AnyReach refuses the page", async () => {
    const element = document.createElement("anyreach-listen");
    document.body.append(element);
    const told = listenTo(element.listen(grant()));

    await new FakeFrame().load().say({type: "failed", code: "embed_refused", message: "Not listed."});

    expect(told.map(([event]) => event)).toEqual(["error", "stateChange", "ended"]);
    expect(iframes()).toEqual([]);
  });

  test("tells no error when the frame is lost after all is over", async () => {
    const {session, frame} = await panel();
    const told = listenTo(session);
    await frame.say("disconnected");

    frame.iframe.remove();
    await pass(1);

    expect(told).toEqual([["stateChange", "disconnected"], ["ended"]]);
  });

  test("ends when it is moved, and does not begin again by itself", async () => {
    const {element, session} = await panel();

    document.body.prepend(element);
    await pass(3);

    expect(session.getState()).toBe("disconnected");
    expect(iframes()).toEqual([]);
  });

  test("ends when it is removed from the page", async () => {
    const {element, session} = await panel();
    const told = listenTo(session);

    element.remove();

    await session.end();
    expect(told).toEqual([["stateChange", "disconnected"], ["ended"]]);
    expect(element.querySelector("iframe")).toBeNull();
  });

  test("ends the former session when it is given another", async () => {
    const {element, session} = await panel();

    const next = element.listen(grant());

    expect(session.getState()).toBe("disconnected");
    expect(next.getState()).toBe("connecting");
  });
});
