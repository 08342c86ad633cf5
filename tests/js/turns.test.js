// @vitest-environment jsdom

import {beforeEach, expect, test} from "vitest";

import {newsOfList, takeIn} from "../../static/js/conversation/turns.js";
import {read} from "../../static/js/core/painting.js";

let list;

beforeEach(() => {
  document.body.innerHTML = `<ol class="turns"></ol>`;
  list = document.querySelector("ol");
});

const turn = (id, at, {text = id, position = at, interim = false, ms = null} = {}) =>
  `<li id="turn-${id}" data-at="${at}" data-position="${position}" ${interim ? "data-interim" : ""}>
    <p class="turn-text">${text}</p><time>10:00</time>
    ${ms ? `<meter max="${ms}" value="${ms}"></meter>` : ""}<a href="#turn-${id}"></a></li>`;
const call = (id, at, output) =>
  `<li id="turn-${id}" data-at="${at}" data-position="${at}"><details><summary>find</summary><pre>${output}</pre></details></li>`;
const take = (...turns) => takeIn(list, [...read(`<ol>${turns.join("")}</ol>`).querySelectorAll("li")]);
const texts = () => [...list.querySelectorAll(".turn-text")].map((each) => each.textContent);

test("turns are put in the order of what was said, whenever they come", () => {
  take(turn("b", 2), turn("d", 4));
  take(turn("c", 3, {position: 9}), turn("a", 1), turn("e", 4, {position: 5}));
  expect(texts()).toEqual(["a", "b", "c", "d", "e"]);
});

test("what comes twice is there once", () => {
  take(turn("a", 1), turn("b", 2));
  take(turn("b", 2), turn("c", 3));
  expect(texts()).toEqual(["a", "b", "c"]);
});

test("a turn is told once, when it is finished", () => {
  expect(take(turn("a", 1, {interim: true}))).toEqual([]);
  expect(take(turn("a", 1, {text: "a refund"}))).toEqual([document.querySelector("#turn-a")]);
  expect(take(turn("a", 1, {text: "a refund"}))).toEqual([]);
  expect(texts()).toEqual(["a refund"]);
});

test("what did not change stays as it is, whatever was done with it", () => {
  take(turn("a", 1));
  const words = list.querySelector("p");
  list.querySelector("time").textContent = "12:00 local";
  list.querySelector("a").dataset.copied = "";
  take(turn("a", 1));
  expect(list.querySelector("p")).toBe(words);
});

test("a turn that changes is the same element, opened and focused as before", () => {
  take(call("a", 1, "running"));
  const element = list.querySelector("li");
  element.querySelector("details").open = true;
  element.querySelector("summary").tabIndex = 0;
  element.querySelector("summary").focus();
  take(call("a", 1, "done"));
  expect(list.querySelector("li")).toBe(element);
  expect(element.querySelector("details").open).toBe(true);
  expect(element.querySelector("pre").textContent).toBe("done");
});

test("bars are relative to the slowest of all, whichever part it came in", () => {
  take(turn("a", 1, {ms: 400}), turn("b", 2, {ms: 800}));
  const words = list.querySelector("p");
  take(turn("c", 3, {ms: 2000}), turn("a", 1, {ms: 400}));
  expect([...list.querySelectorAll("meter")].map((meter) => Number(meter.getAttribute("max")))).toEqual([2000, 2000, 2000]);
  expect(list.querySelector("p")).toBe(words);
});

test("news are asked for from the latest on, with what was not finished", () => {
  take(turn("a", 1, {interim: true}), turn("b", 2));
  expect(newsOfList(list)).toBe("since=1&turn=a");
});
