/** Find in transcript: counts what fits, marks it, goes from one to the next. */

import {matchesIn} from "../core/finding.js";
import {focusOn} from "./steps.js";

const WHERE = ".turn-text, .turn-tool code, .turn-tool pre";

/**
 * @param {Element} list of turns, which may grow and change
 * @param {HTMLFormElement} form with a field, an output, and buttons that say by how many to step
 * @returns {() => void} opens it
 */
export function offerFind(list, form) {
  const field = form.querySelector("input");
  const told = form.querySelector("output");
  const buttons = [...form.querySelectorAll("[data-step]")];
  let found = [];
  let at = -1;

  function search() {
    const words = field.value.trim();
    found = words ? [...list.querySelectorAll(WHERE)].flatMap((place) => matchesOf(place, words)) : [];
  }

  function show() {
    mark("found", found);
    mark("found-now", found.slice(at, at + 1));
    const nothing = field.value.trim() ? "No matches" : "";
    told.textContent = found.length ? `${at + 1} of ${found.length}` : nothing;
    for (const button of buttons) button.disabled = found.length === 0;
  }

  function step(by) {
    if (found.length === 0) return;
    at = (at + by + found.length) % found.length;
    show();
    reveal(found[at]);
  }

  function begin() {
    search();
    at = found.length ? 0 : -1;
    show();
    if (found.length) reveal(found[0]);
  }

  function leave() {
    const now = found[at]?.turn;
    field.value = "";
    begin();
    field.blur();
    if (now) focusOn(now);
  }

  field.addEventListener("input", begin);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") leave();
    else if (event.key === "Enter" && event.target === field) step(event.shiftKey ? -1 : 1);
    else return;
    event.preventDefault();
  });
  for (const button of buttons) button.addEventListener("click", () => step(Number(button.dataset.step)));

  let isDue = false;
  new MutationObserver(() => {
    if (isDue || !field.value.trim()) return;
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      const before = found[at];
      search();
      const same = found.findIndex(({turn, nth}) => turn === before?.turn && nth === before.nth);
      at = same < 0 ? Math.min(Math.max(at, 0), found.length - 1) : same;
      show();
    });
  }).observe(list, {childList: true, subtree: true, characterData: true});

  form.hidden = false;
  show();
  return () => {
    field.focus();
    field.select();
  };
}

function matchesOf(place, words) {
  const node = place.firstChild;
  const turn = place.closest(".turn");
  const matches = node ? matchesIn(node.data, words) : [];
  return matches.map(([from, to], nth) => ({
    turn, nth: `${place.localName} ${nth}`,
    range: new StaticRange({startContainer: node, startOffset: from, endContainer: node, endOffset: to}),
  }));
}

/** Browsers without highlights still count, and show the turn. */
function mark(name, matches) {
  if (!("highlights" in CSS)) return;
  const highlight = new Highlight();
  for (const {range} of matches) highlight.add(range);
  CSS.highlights.set(name, highlight);
}

function reveal({turn, range}) {
  const call = turn.querySelector("details");
  if (call && !range.startContainer.parentElement.closest("summary")) call.open = true;
  turn.scrollIntoView({block: "nearest"});
  const words = document.createRange();
  words.setStart(range.startContainer, range.startOffset);
  words.setEnd(range.endContainer, range.endOffset);
  const {top, bottom} = words.getBoundingClientRect();
  const middle = innerHeight / 2;
  if (top < middle / 2 || bottom > innerHeight) scrollBy({top: top - middle});
}
