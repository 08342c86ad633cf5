import {expect, test} from "vitest";

import {matchesIn} from "../../static/js/core/finding.js";

test.each([
  ["Refund, refund!", "REFUND", [[0, 6], [8, 14]]],
  ["aaa", "aa", [[0, 2]]],
  ["a.b (c) [d] a+b", "(c)", [[4, 7]]],
  ["1+1\\2", "+1\\", [[1, 4]]],
  ["the   order\nis", "order is", [[6, 14]]],
  ["İstanbul and Zürich", "zürich", [[13, 19]]],
  ["👍 yes 👍", "👍", [[0, 2], [7, 9]]],
  ["nothing", "refund", []],
  ["nothing", "", []],
])("in %j, %j is found at %j", (text, words, places) => {
  expect(matchesIn(text, words)).toEqual(places);
});
