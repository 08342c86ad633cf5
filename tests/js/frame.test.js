import {afterEach, beforeEach, describe, expect, test, vi} from "vitest";

import {awaitGreeting, Frame} from "../../static/js/sdk/frame.js";
import {HELLO, VERSION} from "../../static/js/sdk/words.js";

const PAGE = "https://shop.test";

class FakePort {
  said = [];

  postMessage(word) {
    this.said.push(word);
  }

  /** The page says this. */
  hear(data) {
    this.onmessage({data});
  }

  last(type) {
    return this.said.findLast((word) => word.type === type);
  }

  get types() {
    return this.said.map(({type}) => type);
  }
}

class FakeEar extends EventTarget {
  state = "idle";
  volume = 1;
  lets = true;
  listen = vi.fn(async () => {
    if (!this.lets) this.tell("blocked");
    return this.lets;
  });
  mute = vi.fn();

  constructor(given) {
    super();
    Object.assign(this, given);
  }

  get identity() {
    return "listener-1";
  }

  async start() {
    this.become("connecting");
    await joining;
    if (this.state !== "ended") this.become("live");
  }

  async stop() {
    if (this.state !== "ended") this.become("ended", "stopped");
  }

  tell(type, detail = {}) {
    this.dispatchEvent(new CustomEvent(type, {detail}));
  }

  become(state, reason, identity) {
    this.state = state;
    this.tell("state", {state, reason, identity});
  }

  hears(segment_id, text, final = false, role = "user") {
    this.tell("text", {type: "text", segment_id, role, speaker: role, text, final, at: 1000});
  }
}

let port, ears, joining, server, fetch;

function grant(identity = "listener-1") {
  const part = (claims) => Buffer.from(JSON.stringify(claims)).toString("base64url");
  return {url: "wss://livekit.test", token: `${part({})}.${part({sub: identity, nbf: 1000, exp: 1900})}.signature`};
}

const makeEar = (given) => {
  ears.push(new FakeEar(given));
  return ears.at(-1);
};
const ear = () => ears.at(-1);
const pass = (seconds = 0) => vi.advanceTimersByTimeAsync(seconds * 1000);
const transcript = () => port.said.filter(({type}) => type === "transcript").map(({line}) => line);
const idOf = (segment, speaker = "user") => JSON.stringify([segment, speaker]);
const line = (id, text, more = {}) =>
  ({id, segment_id: id, role: "user", speaker: "user", text, final: true, started_at: "2026-06-18T12:00:00Z", ...more});

function make(panel) {
  port = new FakePort();
  return new Frame({port, origin: PAGE, embed: "E1", livekit: "wss://livekit.test", makeEar, fetch, panel});
}

async function connect(given) {
  port.hear({type: "connect", grant: grant(), renewable: false, muted: false, volume: 1, ...given});
  await pass();
}

beforeEach(() => {
  vi.useFakeTimers();
  ears = [];
  joining = Promise.resolve();
  server = {
    "POST session": () => new Response(null, {status: 204}),
    "GET session": () => Response.json({ended_how: "revoked"}),
    "POST sound": () => new Response(null, {status: 204}),
    "GET lines": () => Response.json({lines: []}),
  };
  fetch = vi.fn(async (address, {method}) => server[`${method} ${address.replace("/public/listen/", "")}`]());
  make();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe("a greeting", () => {
  let ours, accept, theirs;

  beforeEach(() => {
    ours = new EventTarget();
    ours.parent = {};
    accept = vi.fn();
    theirs = new FakePort();
    vi.spyOn(console, "error").mockReturnValue();
  });

  const greet = (given) => {
    const hello = {source: ours.parent, origin: PAGE, data: {type: HELLO, version: VERSION}, ports: [theirs]};
    ours.dispatchEvent(Object.assign(new Event("message"), hello, given));
  };

  test("is taken from the page around us, once", () => {
    awaitGreeting(ours, {}, accept);
    greet();
    greet();
    expect(accept).toHaveBeenCalledExactlyOnceWith(theirs, PAGE);
  });

  test.each([
    ["another window", {source: {}}],
    ["no window", {source: null}],
    ["other words", {data: {type: "hello", version: VERSION}}],
    ["another version", {data: {type: HELLO, version: 99}}],
    ["nothing", {data: null}],
    ["no port", {ports: []}],
    ["two ports", {ports: [new FakePort(), new FakePort()]}],
  ])("with %s is not ours", (_, given) => {
    awaitGreeting(ours, {origins: ["https://other.test"]}, accept);
    greet(given);
    expect(accept).not.toHaveBeenCalled();
    expect(theirs.said).toEqual([]);
  });

  test("is taken from nobody where there is no page around us", () => {
    ours.parent = ours;
    awaitGreeting(ours, {}, accept);
    greet();
    expect(accept).not.toHaveBeenCalled();
  });

  test("of a listed page is taken, that of another is told where it can be listed", () => {
    awaitGreeting(ours, {origins: [PAGE]}, accept);
    greet({origin: "https://evil.test"});
    const {code, message} = theirs.last("failed");
    expect(code).toBe("embed_refused");
    expect(message).toContain("https://evil.test");
    expect(message).toContain("Embedding");
    expect(accept).not.toHaveBeenCalled();
    greet();
    expect(accept).toHaveBeenCalledOnce();
  });

  test("is refused in the server's words when the server refused us", () => {
    awaitGreeting(ours, {refusal: "There is no such embed."}, accept);
    greet();
    greet();
    expect(theirs.said).toEqual(Array(2).fill({type: "failed", code: "embed_refused", message: "There is no such embed."}));
  });
});

describe("connecting", () => {
  test("says ready, then connected, and sounds", async () => {
    await connect();
    expect(port.types).toEqual(["ready", "connected"]);
    expect(ear().listen).toHaveBeenCalledOnce();
  });

  test("asks the server with the token, for this page", async () => {
    await connect();
    const [address, {headers, body}] = fetch.mock.calls[0];
    expect(address).toBe("/public/listen/session");
    expect(headers.Authorization).toBe(`Bearer ${grant().token}`);
    expect(JSON.parse(body)).toEqual({embed: "E1", origin: PAGE});
  });

  describe("that was prepared", () => {
    const prepare = async (given = grant()) => {
      port.hear({type: "prepare", grant: given});
      await pass();
    };
    const asked = () => fetch.mock.calls.filter(([address]) => address === "/public/listen/session").length;

    test("has asked the server, and joins without asking again", async () => {
      await prepare();
      expect(asked()).toBe(1);
      expect(ears).toEqual([]);
      await connect();
      expect(asked()).toBe(1);
      expect(port.types).toEqual(["ready", "connected"]);
    });

    test("is refused when it connects, and not before", async () => {
      server["POST session"] = () => Response.json({detail: "Not on this page."}, {status: 403});
      await prepare();
      expect(port.types).toEqual(["ready"]);
      await connect();
      expect(port.said.at(-1)).toMatchObject({type: "failed", code: "embed_refused"});
      expect(asked()).toBe(1);
    });

    test("asks again if the server was away, or for another token", async () => {
      server["POST session"] = () => Promise.reject(new TypeError("Failed to fetch"));
      await prepare();
      server["POST session"] = () => new Response(null, {status: 204});
      await connect();
      expect(port.last("connected")).toBeDefined();
      expect(asked()).toBe(2);

      make();
      await prepare(grant("listener-2"));
      await connect();
      expect(asked()).toBe(4);
    });

    test("asks once, however often it is told, and not for nonsense", async () => {
      await prepare({url: "wss://livekit.test", token: "nonsense"});
      expect(asked()).toBe(0);
      await prepare();
      await prepare();
      await prepare(grant("listener-2"));
      expect(asked()).toBe(1);
    });
  });

  test("lets nothing out before the server has agreed", async () => {
    let agree;
    server["POST session"] = () => new Promise((resolve) => (agree = resolve));
    await connect();
    ear().hears("S1", "I would");
    ear().tell("quality", {quality: "good"});
    expect(port.types).toEqual(["ready"]);
    expect(ear().listen).not.toHaveBeenCalled();
    agree(new Response(null, {status: 204}));
    await pass();
    expect(port.types).toEqual(["ready", "connected", "transcript", "quality"]);
    expect(ear().listen).toHaveBeenCalledOnce();
  });

  test.each([
    [403, {detail: "Not on this page."}, "embed_refused", "Not on this page."],
    [401, {}, "token_refused", expect.any(String)],
    [409, {}, "call_ended", expect.any(String)],
    [500, {}, "unreachable", expect.any(String)],
  ])("that the server answers with %i fails and leaves", async (status, answer, code, message) => {
    server["POST session"] = () => Response.json(answer, {status});
    await connect();
    expect(port.said.at(-1)).toEqual({type: "failed", code, message});
    expect(ear().state).toBe("ended");
  });

  test.each([["token_refused", "token_refused"], ["unreachable", "unreachable"], ["ended", "call_ended"]])(
    "that the ear ends as %s fails with %s",
    async (reason, code) => {
      joining = Promise.resolve().then(() => ear().become("ended", reason));
      await connect();
      expect(port.said).toEqual([{type: "ready"}, {type: "failed", code, message: expect.stringMatching(/^[A-Z]/)}]);
    },
  );

  test.each(["nonsense", "a.b.c", `x.${Buffer.from("{}").toString("base64url")}.y`])(
    "with %s for a token fails",
    async (token) => {
      await connect({grant: {url: "wss://livekit.test", token}});
      expect(port.said.at(-1)).toMatchObject({type: "failed", code: "token_refused"});
      expect(ears).toEqual([]);
    },
  );

  test.each(["wss://elsewhere.test", "ws://livekit.test", "nonsense", "https://livekit.test"])(
    "to %s, which is not our LiveKit, is not tried",
    async (url) => {
      await connect({grant: {...grant("listener-1"), url}});
      expect(port.said.at(-1)).toMatchObject({type: "failed", code: "unreachable"});
      expect(ears).toEqual([]);
    },
  );

  test("is done once", async () => {
    await connect();
    await connect();
    expect(ears).toHaveLength(1);
  });

  test("muted, or more quietly, counts from the first sound", async () => {
    await connect({muted: true, volume: 0.5});
    expect(ear().listen).not.toHaveBeenCalled();
    expect(ear().volume).toBe(0.5);
  });

  test("keeps what is said meanwhile", async () => {
    let join;
    joining = new Promise((resolve) => (join = resolve));
    await connect();
    port.hear({type: "mute"});
    port.hear({type: "volume", volume: 0.25});
    port.hear({type: "startAudio", id: 7});
    join();
    await pass();
    expect(ear().listen).not.toHaveBeenCalled();
    expect(ear().volume).toBe(0.25);
    expect(port.last("done")).toEqual({type: "done", id: 7});
  });
});

describe("sound", () => {
  test("is muted and unmuted", async () => {
    await connect();
    port.hear({type: "mute"});
    expect(ear().mute).toHaveBeenCalledOnce();
    port.hear({type: "unmute"});
    expect(ear().listen).toHaveBeenCalledTimes(2);
  });

  test("that the browser blocks is told once, until it sounds", async () => {
    await connect({muted: true});
    ear().lets = false;
    port.hear({type: "unmute"});
    ear().tell("blocked");
    await pass();
    expect(port.types.filter((type) => type === "audioBlocked")).toHaveLength(1);
    port.hear({type: "startAudio", id: 1});
    await pass();
    expect(port.last("done")).toMatchObject({id: 1, code: "audio_blocked"});
    ear().lets = true;
    port.hear({type: "startAudio", id: 2});
    await pass();
    expect(port.last("done")).toEqual({type: "done", id: 2});
  });

  test("cannot start where nobody listens", async () => {
    port.hear({type: "startAudio", id: 1});
    await pass();
    expect(port.last("done")).toMatchObject({id: 1, code: "ended"});
  });

  test("has levels for who asks", async () => {
    await connect();
    const voices = [{identity: "caller", role: "user", level: 0.5, forbidden: false}];
    ear().tell("levels", voices);
    expect(port.types).not.toContain("level");
    port.hear({type: "levels"});
    ear().tell("levels", voices);
    expect(port.last("level")).toEqual({type: "level", participantIdentity: "caller", role: "user", level: 0.5});
  });

  test("is told to the server where it begins and ceases", async () => {
    await connect();
    ear().tell("sound", {token: "T", audible: true});
    await pass();
    const [address, {body, headers}] = fetch.mock.calls.at(-1);
    expect([address, body, headers.Authorization]).toEqual(["/public/listen/sound", '{"audible":true}', "Bearer T"]);
  });
});

describe("text", () => {
  test("is told as it grows, under one id, and only when it changes", async () => {
    await connect();
    ear().hears("S1", "I would");
    ear().hears("S1", "I would");
    ear().hears("S1", "I would like a refund.", true);
    expect(transcript()).toEqual([
      {id: idOf("S1"), role: "user", text: "I would", final: false},
      {id: idOf("S1"), role: "user", text: "I would like a refund.", final: true},
    ]);
  });

  test("of another speaker under the id of the agent's is another line", async () => {
    await connect();
    ear().hears("S1", "That costs 42 dollars.", true, "agent");
    ear().hears("S1", "It is free.", true, "user");
    expect(transcript().map(({id, text}) => [id, text])).toEqual([
      [idOf("S1", "agent"), "That costs 42 dollars."], [idOf("S1"), "It is free."],
    ]);
  });

  test("that was cut off is final as far as it came", async () => {
    await connect();
    ear().hears("S1", "Your order", false, "agent");
    ear().tell("text", {type: "cut", segment_id: "S1", speaker: "agent", at: 2000});
    expect(transcript().at(-1)).toEqual({id: idOf("S1", "agent"), role: "agent", text: "Your order", final: true});
  });

  test("from before is not told, what was missed is, and nothing twice", async () => {
    const lines = [line("S0", "Before.")];
    server["GET lines"] = () => Response.json({lines});
    await connect();
    await pass(30);
    ear().hears("S1", "Heard.", true);
    ear().tell("quality", {quality: "lost"});
    lines.push(line("S1", "Heard."), line("S2", "Missed."), line("T", "", {role: "tool", name: "find_order"}));
    lines.push(line("S3", "Under way", {final: false}));
    ear().tell("quality", {quality: "good"});
    await pass(1);
    expect(transcript().map(({id}) => id)).toEqual([idOf("S1"), idOf("S2")]);
    lines[4] = line("S3", "Under way no more.");
    await pass(10);
    expect(transcript().at(-1)).toEqual({id: idOf("S3"), role: "user", text: "Under way no more.", final: true});
    const asked = fetch.mock.calls.length;
    await pass(60);
    expect(fetch.mock.calls.length).toBe(asked);
  });

  test("is looked up after a renewal", async () => {
    await connect();
    await pass(30);
    server["GET lines"] = () => Response.json({lines: [line("S1", "Missed.")]});
    ear().tell("renewed");
    await pass();
    expect(transcript().map(({id}) => id)).toEqual([idOf("S1")]);
  });

  test("that may not be read is not asked for again", async () => {
    server["GET lines"] = () => Response.json({}, {status: 403});
    await connect();
    const asked = fetch.mock.calls.length;
    await pass(60);
    expect(fetch.mock.calls.length).toBe(asked);
  });

  test.each([["no JSON", () => new Response("<html>")], ["no lines", () => Response.json({})]])(
    "that comes as %s breaks nothing",
    async (_, answer) => {
      server["GET lines"] = answer;
      await connect();
      await pass(60);
      ear().hears("S1", "Heard.", true);
      expect(transcript()).toHaveLength(1);
    },
  );
});

describe("renewal", () => {
  test("without a page that can be asked there is none", async () => {
    await connect();
    expect(ear().renew).toBeUndefined();
  });

  test("asks the page, then the server, and takes the grant", async () => {
    await connect({renewable: true});
    const renewed = ear().renew("listener-1");
    const {id, renews} = port.last("need");
    expect(renews).toBe("listener-1");
    port.hear({type: "grant", id, grant: grant("listener-2")});
    expect((await renewed).token).toBe(grant("listener-2").token);
    expect(fetch.mock.calls.at(-1)[1].headers.Authorization).toBe(`Bearer ${grant("listener-2").token}`);
  });

  test.each([
    ["none", undefined],
    ["the one that it has", grant("listener-1")],
    ["no token", {url: "wss://livekit.test", token: "nonsense"}],
    ["one for another LiveKit", {...grant("listener-2"), url: "wss://elsewhere.test"}],
  ])("with %s is refused", async (_, given) => {
    await connect({renewable: true});
    const renewed = ear().renew("listener-1");
    port.hear({type: "grant", id: port.last("need").id, grant: given});
    await expect(renewed).rejects.not.toHaveProperty("status");
  });

  test("that the page does not answer is given up", async () => {
    await connect({renewable: true});
    const renewed = expect(ear().renew("listener-1")).rejects.toThrow();
    await pass(20);
    await renewed;
  });

  test.each([[403, 403], [409, 409], [401, undefined]])("with a grant that the server answers with %i", async (status, told) => {
    await connect({renewable: true});
    server["POST session"] = () => Response.json({}, {status});
    const renewed = ear().renew("listener-1");
    port.hear({type: "grant", id: port.last("need").id, grant: grant("listener-2")});
    await expect(renewed).rejects.toSatisfy((error) => error.status === told);
  });

  test("that fails is told, and listening goes on", async () => {
    await connect({renewable: true});
    ear().tell("unrenewed");
    expect(port.said.at(-1)).toMatchObject({type: "error", code: "renewal_failed"});
    expect(port.types).not.toContain("disconnected");
  });
});

describe("the end", () => {
  beforeEach(() => connect());

  test("comes when the agent leaves, who is named", async () => {
    ear().become("ended", "agentleft", "agent-1");
    await pass();
    expect(port.said.slice(2)).toEqual([
      {type: "agentDisconnected", participantIdentity: "agent-1"}, {type: "disconnected"}, {type: "ended"},
    ]);
  });

  test("of the call is no error", async () => {
    ear().become("ended", "ended");
    await pass();
    expect(port.types.slice(2)).toEqual(["disconnected", "ended"]);
  });

  test.each(["revoked", "expired", "replaced", "lost"])("as %s is an error with a sentence", async (code) => {
    ear().become("ended", code);
    await pass();
    expect(port.types.slice(2)).toEqual(["error", "disconnected", "ended"]);
    expect(port.last("error")).toEqual({type: "error", code, message: expect.stringMatching(/^[A-Z].+\.$/)});
  });

  test("that the page wants leaves LiveKit first", async () => {
    let leave;
    ear().stop = () => new Promise((resolve) => (leave = resolve));
    port.hear({type: "end"});
    port.hear({type: "end"});
    await pass();
    expect(port.types).not.toContain("ended");
    leave();
    await pass();
    expect(port.types.slice(2)).toEqual(["ended"]);
  });

  test("lets nothing out after it", async () => {
    port.hear({type: "end"});
    await pass();
    ear().hears("S1", "Too late.", true);
    ear().tell("quality", {quality: "poor"});
    await pass(60);
    expect(port.said.at(-1)).toEqual({type: "ended"});
  });
});

test("who ends while joining hears nothing but that it has ended", async () => {
  let join;
  joining = new Promise((resolve) => (join = resolve));
  await connect();
  port.hear({type: "end"});
  join();
  await pass();
  expect(port.types).toEqual(["ready", "ended"]);
});

describe("a hostile page", () => {
  const deep = {};
  let inner = deep;
  for (let depth = 0; depth < 10_000; depth++) inner = inner.type = {};

  const strange = [
    null, undefined, 1, "connect", [], {}, deep, {type: deep}, {type: "constructor"}, {type: "__proto__"},
    {type: "connect"}, {type: "connect", grant: null}, {type: "connect", grant: {}, renewable: true, muted: false, volume: 1},
    {type: "connect", grant: {url: "wss://x", token: "x".repeat(100_000)}, renewable: true, muted: false, volume: 1},
    {type: "connect", grant: {url: deep, token: deep}, renewable: true, muted: false, volume: 1},
    {type: "connect", grant: grant(), renewable: "yes", muted: 0, volume: "1"},
    {type: "volume"}, {type: "volume", volume: 2}, {type: "volume", volume: -1}, {type: "volume", volume: NaN},
    {type: "volume", volume: "0.5"}, {type: "startAudio"}, {type: "startAudio", id: "1"}, {type: "startAudio", id: 1e99},
    {type: "grant"}, {type: "grant", id: 1, grant: "x"}, {type: "grant", id: 99, grant: grant("listener-2")},
    {type: "ready"}, {type: "connected"}, {type: "ended"},
  ];

  test("changes nothing with what it may not say, before connecting", async () => {
    for (const word of strange) port.hear(word);
    await pass();
    expect(port.types).toEqual(["ready"]);
    expect(ears).toEqual([]);
  });

  test("nor after", async () => {
    await connect({renewable: true});
    for (const word of strange) port.hear(word);
    await pass();
    expect(port.types).toEqual(["ready", "connected"]);
    expect(ear().volume).toBe(1);
    expect(ear().state).toBe("live");
  });

  test("finds no token in what is said or logged", async () => {
    const logged = ["log", "info", "warn", "error"].map((level) => vi.spyOn(console, level));
    server["POST session"] = () => Response.json({detail: "No."}, {status: 403});
    await connect();
    expect(JSON.stringify(port.said)).not.toContain(grant().token);
    for (const log of logged) expect(log).not.toHaveBeenCalled();
  });
});

describe("with a panel", () => {
  class FakePanel extends EventTarget {
    offsetHeight = 320;
    source;
    shown = [];
    saved = [];

    show(...shown) {
      this.shown.push(shown);
    }

    addSaved(lines) {
      this.saved.push(...lines.map(({text}) => text));
    }

    press(button) {
      if (button === "stop") this.source?.stop();
      this.dispatchEvent(new CustomEvent(button));
    }
  }

  let panel, observed;

  beforeEach(() => {
    vi.stubGlobal("ResizeObserver", class {
      constructor(then) {
        observed = then;
      }

      observe() {}
    });
    panel = new FakePanel();
    make(panel);
  });

  test("it is given the ear once the server has agreed, and what was said until then", async () => {
    server["GET lines"] = () => Response.json({lines: [line("S0", "Before.")]});
    let agree;
    server["POST session"] = () => new Promise((resolve) => (agree = resolve));
    await connect({muted: true});
    expect(panel.source).toBeNull();
    ear().hears("S1", "Meanwhile.", true);
    agree(new Response(null, {status: 204}));
    await pass();
    expect(panel.source).toBe(ear());
    expect(panel.saved).toEqual(["Meanwhile.", "Before."]);
    expect(transcript().map(({id}) => id)).toEqual([idOf("S1")]);
  });

  test("its height is told", () => {
    observed();
    expect(port.last("height")).toEqual({type: "height", height: 320});
  });

  test("its Listen and Mute are told to the page, whose own are not", async () => {
    await connect({muted: true});
    port.hear({type: "unmute"});
    ear().tell("muted", {muted: false});
    expect(port.types).not.toContain("muted");
    ear().tell("muted", {muted: true});
    expect(port.last("muted")).toEqual({type: "muted", muted: true});
  });

  test("it stays at the end of the call, until Stop", async () => {
    await connect({muted: true});
    ear().become("ended", "ended");
    await pass();
    expect(port.types.slice(2)).toEqual(["disconnected"]);
    panel.press("stop");
    await pass();
    expect(port.types.slice(2)).toEqual(["disconnected", "ended"]);
  });

  test("Stop ends the listening", async () => {
    await connect({muted: true});
    panel.press("stop");
    await pass();
    expect(port.types.slice(2)).toEqual(["disconnected", "ended"]);
  });

  test("it shows what the page is told when it cannot be joined", async () => {
    server["POST session"] = () => Response.json({}, {status: 403});
    await connect({muted: true});
    expect(panel.shown).toEqual([["ended", "embed_refused"]]);
    panel.press("stop");
    await pass();
    expect(port.types.slice(1)).toEqual(["failed", "ended"]);
  });

  test("Listen again asks the page for a grant, and goes on where it was", async () => {
    await connect({muted: true, renewable: true});
    ear().hears("S1", "Heard.", true);
    ear().become("ended", "lost");
    panel.press("again");
    await pass();
    expect(panel.source).toBeNull();
    port.hear({type: "grant", id: port.last("need").id, grant: grant("listener-2")});
    await pass();
    expect(ears).toHaveLength(2);
    expect(panel.source).toBe(ear());
    expect(port.types.filter((type) => type === "connected")).toHaveLength(2);
    expect(transcript()).toHaveLength(1);
  });

  test("Listen again of a page that cannot be asked tries what there is", async () => {
    await connect({muted: true});
    ear().become("ended", "lost");
    panel.press("again");
    await pass();
    expect(ears).toHaveLength(2);
    expect(panel.source).toBe(ear());
  });

  test("Listen again without a grant says that it is over", async () => {
    await connect({muted: true, renewable: true});
    ear().become("ended", "lost");
    panel.press("again");
    port.hear({type: "grant", id: port.last("need").id});
    await pass();
    expect(panel.shown.at(-1)).toEqual(["ended", "expired"]);
  });
});
