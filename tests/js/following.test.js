import {afterEach, beforeEach, expect, test, vi} from "vitest";

import {follow} from "../../static/js/core/following.js";

/** A browser's, whose server answers with no stream when `end` is called. */
class Stream extends EventTarget {
  static CLOSED = 2;
  static opened = [];
  readyState = 1;

  constructor(url) {
    super();
    this.url = url;
    Stream.opened.push(this);
  }

  close() {
    this.readyState = Stream.CLOSED;
  }

  breaksOff() {
    this.dispatchEvent(new Event("error"));
  }

  ends() {
    this.close();
    this.breaksOff();
  }
}

const reload = vi.fn();

beforeEach(() => {
  vi.useFakeTimers();
  Stream.opened = [];
  reload.mockClear();
  vi.stubGlobal("EventSource", Stream);
  vi.stubGlobal("location", {href: "https://example.com/acme/conversations", reload});
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function answers(answer) {
  vi.stubGlobal("fetch", vi.fn(async () => answer));
}

test("each event reaches its handler", () => {
  const turns = vi.fn();
  follow("/events", "/part", {turns});
  Stream.opened[0].dispatchEvent(new Event("turns"));
  expect(turns).toHaveBeenCalledOnce();
});

test("a connection that breaks off is the browser's to mend", async () => {
  answers({ok: true, status: 200});
  follow("/events", "/part", {});
  Stream.opened[0].breaksOff();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(fetch).not.toHaveBeenCalled();
  expect(Stream.opened).toHaveLength(1);
});

test.each([
  ["signed out", {ok: true, status: 200, redirected: true}],
  ["without the right to it", {ok: false, status: 403}],
  ["a member no more", {ok: false, status: 404}],
])("whoever is %s does not keep the page", async (_, answer) => {
  answers(answer);
  follow("/events", "/part", {});
  Stream.opened[0].ends();
  await vi.advanceTimersByTimeAsync(0);
  expect(reload).toHaveBeenCalledOnce();
});

test("while the server is away the page stays, and is followed again when it is back", async () => {
  const turns = vi.fn();
  follow("/events", "/part", {turns});
  answers({ok: false, status: 502});
  Stream.opened[0].ends();
  await vi.advanceTimersByTimeAsync(4_000);
  vi.stubGlobal("fetch", vi.fn(async () => { throw new TypeError("Failed to fetch"); }));
  await vi.advanceTimersByTimeAsync(4_000);
  expect(Stream.opened).toHaveLength(1);
  answers({ok: true, status: 200});
  await vi.advanceTimersByTimeAsync(7_000);
  expect(Stream.opened).toHaveLength(2);
  Stream.opened[1].dispatchEvent(new Event("turns"));
  expect(turns).toHaveBeenCalledOnce();
  expect(reload).not.toHaveBeenCalled();
});

test("who has left follows no more", async () => {
  answers({ok: true, status: 200});
  const leave = follow("/events", "/part", {});
  Stream.opened[0].ends();
  leave();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(Stream.opened).toHaveLength(1);
  expect(Stream.opened[0].readyState).toBe(Stream.CLOSED);
});
