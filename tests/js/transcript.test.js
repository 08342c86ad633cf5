import {readFileSync} from "node:fs";

import {describe, expect, test} from "vitest";

import {fold, readSaved, withSaved} from "../../static/js/core/transcript.js";

const cases = JSON.parse(readFileSync("tests/data/transcript/text-fold.json", "utf8"));

describe("live text folds as the fixtures shared with Python say", () => {
  test.each(cases)("$name", ({events, lines}) => {
    expect(events.reduce(fold, [])).toEqual(lines);
  });
});

const live = (segment_id, text, final, at) =>
  fold([], {type: "text", segment_id, role: "user", speaker: "c", text, final, at})[0];
const saved = (segment_id, text, final, at) => ({...live(segment_id, text, final, at), id: `t-${segment_id}`});

test("a line that was saved and heard is shown once", () => {
  const lines = withSaved([live("S1", "Hello.", true, 1000)], [saved("S1", "Hello.", true, 990)]);
  expect(lines.map((line) => line.id)).toEqual(["t-S1"]);
});

test("what was said before joining stands before what is heard", () => {
  const lines = withSaved([live("S2", "Fine.", false, 2000)], [saved("S1", "Hello.", true, 1000)]);
  expect(lines.map((line) => line.text)).toEqual(["Hello.", "Fine."]);
});

test("a saved interim does not undo a heard final", () => {
  const [line] = withSaved([live("S1", "Hello there.", true, 1000)], [saved("S1", "Hello", false, 1000)]);
  expect(line).toMatchObject({text: "Hello there.", final: true, id: "t-S1"});
});

test("a saved interim does not set a heard one back", () => {
  const [line] = withSaved([live("S1", "Hello there", false, 1000)], [saved("S1", "Hello", false, 990)]);
  expect(line).toMatchObject({text: "Hello there", final: false, id: "t-S1"});
});

test.each([["behind", -300_000], ["ahead", 300_000]])(
  "what is not saved yet keeps its place though the clock here is %s",
  (_, skew) => {
    const heard = [live("S2", "Two", false, 2000 + skew), live("S3", "Three.", true, 3000 + skew), live("S4", "Four", false, 4000 + skew)];
    const lines = withSaved(heard, [saved("S1", "One.", true, 1000), saved("S3", "Three.", true, 3000)]);
    expect(lines.map((line) => line.text)).toEqual(["One.", "Two", "Three.", "Four"]);
  },
);

test("a turn that was told of before its segment was known stays one line", () => {
  const turn = {...saved("", "Hello.", true, 1000), id: "t-1"};
  const lines = withSaved(withSaved([], [turn]), [{...turn, segment_id: "S1"}]);
  expect(lines.map((line) => line.segment_id)).toEqual(["S1"]);
});

test("a saved final completes what was only heard in part", () => {
  const [line] = withSaved([live("S1", "Hel", false, 1000)], [saved("S1", "Hello there.", true, 1000)]);
  expect(line).toMatchObject({text: "Hello there.", final: true});
});

test("tool calls, which have no segment, stay apart", () => {
  const tool = (id) => readSaved({id, role: "tool", name: "find", final: true, started_at: "2026-01-01T00:00:00Z"});
  expect(withSaved([], [tool("a"), tool("b")])).toHaveLength(2);
  expect(withSaved(withSaved([], [tool("a")]), [tool("a")])).toHaveLength(1);
});

test("a saved entry is read with its times in milliseconds and its absent parts empty", () => {
  expect(readSaved({id: "1", role: "user", final: true, started_at: "2026-01-01T00:00:01Z"})).toEqual({
    id: "1", segment_id: "", role: "user", speaker: "", text: "", name: "", final: true,
    interrupted: false, started_at: Date.UTC(2026, 0, 1, 0, 0, 1), ended_at: null,
  });
});
