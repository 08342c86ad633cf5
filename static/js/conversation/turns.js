/** A conversation's turns: painted by the server, put in their places here. */

import {newsOf} from "../core/asking.js";
import {isSame} from "../core/painting.js";

/** @param {Element} list @returns {string} the query by which to ask for what is new or changed */
export function newsOfList(list) {
  const turns = [...list.querySelectorAll("[data-position]")];
  return newsOf(turns.map((turn) => ({
    id: turn.id.replace("turn-", ""), position: Number(turn.dataset.position), final: isFinished(turn),
  })));
}

/**
 * Take in turns that the server has painted. Those that did not change keep what a reader does
 * with them: focus, selection, an opened call.
 *
 * @param {Element} list
 * @param {Element[]} painted
 * @returns {Element[]} those that are finished only now
 */
export function takeIn(list, painted) {
  const finished = [];
  for (const turn of painted) {
    const known = document.getElementById(turn.id);
    const wasFinished = known && isFinished(known);
    if (!known) insert(list, turn);
    else repaint(known, turn);
    if (isFinished(turn) && !wasFinished) finished.push(known ?? turn);
  }
  compareLatencies(list);
  return finished;
}

function isFinished(turn) {
  return !("interim" in turn.dataset);
}

function insert(list, turn) {
  let before = list.lastElementChild;
  while (before && isLater(before, turn)) before = before.previousElementSibling;
  list.insertBefore(turn, before ? before.nextElementSibling : list.firstElementChild);
}

function isLater({dataset: one}, {dataset: other}) {
  return one.at === other.at ? Number(one.position) > Number(other.position) : Number(one.at) > Number(other.at);
}

function repaint(known, turn) {
  known.toggleAttribute("data-interim", !isFinished(turn));
  if (isSame(known, turn)) return;
  const focused = known.contains(document.activeElement) && document.activeElement.localName;
  if (known.querySelector("details[open]")) turn.querySelector("details")?.setAttribute("open", "");
  known.replaceChildren(...turn.childNodes);
  if (focused && focused !== "li") known.querySelector(focused)?.focus({preventScroll: true});
}

/** Bars are relative to the slowest turn, which the server knows of one part only. */
function compareLatencies(list) {
  const meters = [...list.querySelectorAll("meter")];
  const slowest = meters.reduce((most, meter) => Math.max(most, Number(meter.getAttribute("value"))), 0);
  for (const meter of meters) if (meter.max !== slowest) meter.max = slowest;
}
