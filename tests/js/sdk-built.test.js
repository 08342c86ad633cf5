// @vitest-environment jsdom

import {readFileSync} from "node:fs";
import {gzipSync} from "node:zlib";

import {JSDOM} from "jsdom";
import {beforeEach, describe, expect, test, vi} from "vitest";

const built = (name) => readFileSync(`static/build/sdk/${name}.js`, "utf8");

const claims = Buffer.from(JSON.stringify({attributes: {"anyreach.embed": "e"}})).toString("base64url");
const grant = {url: "wss://livekit.test", token: `header.${claims}.signature`};

let window, iframes;

/** Run a built file in the page, as a browser runs a classic script. */
const run = (name) => window.eval(built(name));

beforeEach(() => {
  const page = `<!doctype html><body><script src="https://anyreach.test/public/listen-sdk"></script>`;
  window = new JSDOM(page, {runScripts: "outside-only", url: "https://shop.test/"}).window;
  Object.assign(window, {MessageChannel, TextDecoder});
  iframes = () => [...window.document.querySelectorAll("iframe")];
});

describe("the loader", () => {
  test("is at most 3 KB on the wire", () => {
    expect(gzipSync(built("listen")).length).toBeLessThanOrEqual(3072);
  });

  test("adds one name to the page and nothing else", () => {
    const before = new Set(Object.getOwnPropertyNames(window));
    const {outerHTML} = window.document.documentElement;

    run("listen");

    expect(Object.getOwnPropertyNames(window).filter((name) => !before.has(name))).toEqual(["AnyReach"]);
    expect(window.document.documentElement.outerHTML).toBe(outerHTML);
  });

  test("takes its host from its own address, a pinned one too", () => {
    window.document.querySelector("script").src = "https://other.test:8443/public/listen-sdk/1.2.3.js";
    run("listen");

    window.AnyReach.listen(grant);

    expect(iframes()[0].src).toBe("https://other.test:8443/public/listen?embed=e");
  });

  test("stays the first when it is loaded twice, and its sessions go on", () => {
    run("listen");
    const {AnyReach} = window;
    const session = AnyReach.listen(grant);
    session.connect().catch(() => {});

    run("stub");
    run("listen");

    expect(window.AnyReach).toBe(AnyReach);
    expect(session.getState()).toBe("connecting");
    expect(iframes()).toHaveLength(1);
  });
});

describe("the stub", () => {
  test("is at most 600 bytes, as it is pasted", () => {
    expect(built("stub").length).toBeLessThanOrEqual(600);
  });

  test("adds one name to the page", () => {
    const before = new Set(Object.getOwnPropertyNames(window));

    run("stub");

    expect(Object.getOwnPropertyNames(window).filter((name) => !before.has(name))).toEqual(["AnyReach"]);
  });

  test("looks like an idle session until the loader is there", () => {
    run("stub");

    const session = window.AnyReach.listen(grant);

    expect(session.getState()).toBe("idle");
    expect(session.isMuted()).toBe(false);
    expect(session.on("error", () => {}).off("error", () => {})).toBe(session);
    expect(session.connect()).toBeInstanceOf(window.Promise);
    expect(iframes()).toEqual([]);
  });

  test("has its calls made in order, and becomes the real session", async () => {
    run("stub");
    const session = window.AnyReach.listen(grant);
    const states = [];
    const never = vi.fn();
    session.on("stateChange", (state) => states.push(state)).on("stateChange", never).off("stateChange", never);
    session.mute();
    const connecting = session.connect();
    const playing = session.startAudio();
    const ending = session.end();

    run("listen");
    window.dispatchEvent(new window.Event("pagehide"));

    await expect(connecting).rejects.toMatchObject({code: "ended"});
    await expect(playing).rejects.toMatchObject({code: "ended"});
    await expect(ending).resolves.toBeUndefined();
    expect(states).toEqual(["connecting", "disconnected"]);
    expect(never).not.toHaveBeenCalled();
    expect(session.isMuted()).toBe(true);
    expect(session.getState()).toBe("disconnected");
    expect(session.on("error", never)).toBe(session);
  });

  test("settles its promises with the real ones", async () => {
    run("stub");
    const session = window.AnyReach.listen({});
    const connecting = session.connect();

    run("listen");

    await expect(connecting).rejects.toMatchObject({code: "invalid_options"});
  });

  test("hands on what the page had taken from it before", async () => {
    run("stub");
    const {listen} = window.AnyReach;
    const session = listen({});
    const {connect, mute} = session;
    run("listen");

    mute();

    expect(session.isMuted()).toBe(true);
    await expect(connect()).rejects.toMatchObject({code: "invalid_options"});
    await expect(listen({}).connect()).rejects.toMatchObject({code: "invalid_options"});
  });
});
