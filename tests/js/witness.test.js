import {afterEach, beforeEach, expect, test, vi} from "vitest";

import {attest, explain} from "../../static/js/livekit/witness.js";

let ear, answers, fetch;

const settle = () => new Promise((resolve) => setTimeout(resolve));
const sound = (token, audible) => ear.dispatchEvent(new CustomEvent("sound", {detail: {token, audible}}));
const asked = () => fetch.mock.calls.map(([address, {method, headers, body}]) =>
  [method, address, headers.Authorization, body]);

beforeEach(() => {
  ear = new EventTarget();
  answers = [];
  fetch = vi.fn(() => new Promise((resolve, reject) => answers.push({resolve, reject})));
});

afterEach(() => vi.unstubAllGlobals());

test("each change of sound is told with its token, once the one before has arrived", async () => {
  attest(ear, fetch);
  sound("one", true);
  sound("one", false);
  await settle();
  expect(asked()).toEqual([["POST", "/public/listen/sound", "Bearer one", '{"audible":true}']]);
  answers[0].resolve(new Response(null, {status: 204}));
  await settle();
  expect(asked()[1]).toEqual(["POST", "/public/listen/sound", "Bearer one", '{"audible":false}']);
});

test("it is told even while the page goes away, and never as who is signed in", async () => {
  attest(ear, fetch);
  sound("one", true);
  await settle();
  expect(fetch.mock.calls[0][1]).toMatchObject({keepalive: true, credentials: "omit"});
});

test("what did not arrive holds up nothing", async () => {
  attest(ear, fetch);
  sound("one", true);
  sound("two", true);
  await settle();
  answers[0].reject(new TypeError("Failed to fetch"));
  await settle();
  expect(asked()).toHaveLength(2);
});

test("the server says how it ended", async () => {
  const told = explain("one", fetch);
  answers[0].resolve(Response.json({ended_how: "call_ended"}));
  expect(await told).toBe("call_ended");
  expect(asked()).toEqual([["GET", "/public/listen/session", "Bearer one", undefined]]);
});

test("a server that does not say so is an error", async () => {
  const told = explain("one", fetch);
  answers[0].resolve(new Response("", {status: 401}));
  await expect(told).rejects.toThrow();
});

test("a page's own fetch is the default", async () => {
  vi.stubGlobal("fetch", vi.fn(async () => Response.json({ended_how: ""})));
  expect(await explain("one")).toBe("");
});
