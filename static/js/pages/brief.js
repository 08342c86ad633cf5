/** A brief: it comes part by part as it is written, and each line shows where in the call it was said. */

import {ask, oneAtATime} from "../core/asking.js";
import {countUp} from "../core/clock.js";
import {follow} from "../core/following.js";
import {isSame, read} from "../core/painting.js";

const REST_MS = 300;
const page = document.querySelector("#brief");
const turns = page.querySelector(".turns");

// --- What a line rests on -----------------------------------------------------------------------

/** The line whose turns are marked, and where one was when going to them. */
let marked = null;
let cameFrom = 0;

/** @param {Element | null} claim */
function mark(claim) {
  for (const turn of turns.querySelectorAll("[data-cited]")) delete turn.dataset.cited;
  for (const turn of turnsOf(claim)) turn.dataset.cited = "";
  marked = claim && keyOf(claim);
}

function turnsOf(claim) {
  const ids = claim?.dataset.turns.split(" ") ?? [];
  return ids.map((id) => document.getElementById(`turn-${id}`)).filter(Boolean);
}

/** A line is known by its place: what stands there may be painted anew. */
function keyOf(claim) {
  const part = claim.closest("[data-part]");
  return {part: part.id, index: [...part.querySelectorAll(".claim")].indexOf(claim)};
}

function claimAt({part, index}) {
  return document.getElementById(part).querySelectorAll(".claim")[index] ?? null;
}

page.addEventListener("focusin", ({target}) => {
  const claim = target.closest(".claim");
  if (claim) mark(claim);
});

page.addEventListener("click", (event) => {
  const claim = event.target.closest(".claim");
  if (!claim || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  mark(claim);
  const [first] = turnsOf(claim);
  if (!first) return;
  cameFrom = scrollY;
  first.tabIndex = -1;
  first.focus({preventScroll: true});
  first.scrollIntoView({block: "center"});
});

addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !marked || document.querySelector(":popover-open")) return;
  const claim = claimAt(marked);
  if (claim && turns.contains(document.activeElement)) {
    claim.focus({preventScroll: true});
    scrollTo({top: cameFrom});
  } else {
    mark(null);
  }
});

// --- What changes by itself ---------------------------------------------------------------------

/** Paint what has changed, and leave focus, marks and what is in view where they are. */
function paint(fresh) {
  const inView = [...page.querySelectorAll("[data-part], .turn")].find(
    (each) => each.getBoundingClientRect().top >= 0,
  );
  const top = inView?.getBoundingClientRect().top;
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const shown = document.getElementById(part.id);
    if (isSame(shown, part)) continue;
    const focused = shown.contains(document.activeElement) && document.activeElement.closest(".claim");
    const key = focused && keyOf(focused);
    shown.replaceChildren(...part.childNodes);
    if (key) claimAt(key)?.focus({preventScroll: true});
  }
  if (marked) mark(claimAt(marked));
  if (inView) scrollBy({top: inView.getBoundingClientRect().top - top, behavior: "instant"});
}

const refresh = oneAtATime(async () => {
  const html = await ask(page.dataset.refreshUrl, "text");
  if (html === null) return;
  const fresh = read(html);
  paint(fresh);
  if (fresh.querySelector("[data-settled]")) leave();
}, REST_MS);

let leave = () => {};

function followBrief() {
  if (!page.dataset.eventsUrl) return;
  leave = follow(page.dataset.eventsUrl, page.dataset.refreshUrl, {changed: refresh});
  addEventListener("pagehide", leave, {once: true});
}

const printing = page.querySelector("[data-print]");
printing.hidden = false;
printing.addEventListener("click", () => print());

// Where nobody writes, nobody tells that it is over either.
if (page.dataset.patienceS) setTimeout(refresh, Number(page.dataset.patienceS) * 1000);
countUp(page.dataset.now);
followBrief();
addEventListener("pageshow", ({persisted}) => persisted && followBrief());
