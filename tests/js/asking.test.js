import {afterEach, beforeEach, expect, test, vi} from "vitest";

import {ask, newsOf, oneAtATime} from "../../static/js/core/asking.js";

beforeEach(() => vi.useFakeTimers());

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const turn = (position, final = true) => ({id: `id-${position}`, position, final});

test("of a transcript that nothing is known of, everything is news", () => {
  expect(newsOf([])).toBe("since=0");
});

test("the latest turns are looked at again, and those that were not finished", () => {
  const known = Array.from({length: 50}, (_, position) => turn(position, position !== 3));
  expect(newsOf(known)).toBe("since=30&turn=id-3");
});

test("a turn that was told late stands among others, and hides nothing", () => {
  expect(newsOf([turn(0), turn(7), turn(1)])).toBe("since=0");
});

test("it is done at once, and once more for all that asked meanwhile", async () => {
  const done = vi.fn(async () => {});
  const go = oneAtATime(done, 500);
  go();
  go();
  expect(done).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(499);
  expect(done).toHaveBeenCalledTimes(1);
  go();
  await vi.advanceTimersByTimeAsync(1);
  expect(done).toHaveBeenCalledTimes(2);
  await vi.advanceTimersByTimeAsync(5000);
  expect(done).toHaveBeenCalledTimes(2);
});

test.each([
  ["what is refused", async () => new Response("", {status: 503})],
  ["a page to sign in", async () => Object.defineProperty(new Response("Sign in"), "redirected", {value: true})],
  ["a network that is away", async () => Promise.reject(new TypeError())],
])("%s is no part of the page", async (_, fetch) => {
  vi.stubGlobal("fetch", fetch);
  expect(await ask("/piece", "text")).toBeNull();
});
