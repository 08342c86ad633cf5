/** A conversation's page: the snoop panel of a live one, and the parts that change by themselves. */

import {readSaved} from "../core/transcript.js";
import {SnoopPanelElement} from "../elements/snoop-panel.js";
import {Ear, refusalOf} from "../livekit/ear.js";
import {loadLiveKit} from "../livekit/library.js";
import {attest, explain} from "../livekit/witness.js";

const REFRESH_EVERY_MS = 500;
const LAST_WORDS_WITHIN_MS = 30_000;
const page = document.querySelector("#conversation");
const {tokenUrl, linesUrl, eventsUrl, organizationId, csrf} = page.dataset;
const place = document.querySelector("#snoop");

let ear = null;
let panel = null;
let isOpened = false;
let visit = null;

/** Ask for a listener token. @param {string} [renews] the identity that it follows */
async function mint(renews) {
  const answer = await fetch(tokenUrl, {
    method: "POST",
    headers: {"Content-Type": "application/json", "X-CSRFToken": csrf, "X-Anyreach-Org": organizationId},
    body: JSON.stringify(renews ? {renews} : {}),
    signal: visit.signal,
  });
  if (!answer.ok) throw Object.assign(new Error("No listener token"), {status: answer.status});
  return answer.json();
}

/** Open the panel if this call can be heard; otherwise nothing happens. */
async function open() {
  loadLiveKit().catch(() => {}); // meanwhile; who needs it then hears of a failure
  const {signal} = visit;
  let grant;
  try {
    grant = await mint();
  } catch {
    if (!signal.aborted) isOpened = false;
    return;
  }
  SnoopPanelElement.define();
  panel = document.createElement("anyreach-snoop-panel");
  panel.addEventListener("stop", () => {
    close();
    document.querySelector("#content").focus({preventScroll: true});
  });
  panel.addEventListener("again", comeBack);
  place.replaceChildren(panel);
  hear(grant);
}

async function comeBack() {
  try {
    const grant = await mint(ear.identity);
    if (panel) hear(grant);
  } catch (error) {
    panel?.show("ended", refusalOf(error) ?? "unreachable");
  }
}

/** Open the panel when the call becomes active; who has closed it is not asked again. */
function openOnce() {
  if (isOpened || !("mayListen" in page.dataset)) return;
  isOpened = true;
  open();
}

function hear(grant) {
  ear = new Ear({loadLiveKit, grant, renew: mint, explain});
  attest(ear);
  ear.addEventListener("state", ({detail}) => detail.state === "live" && showSaved());
  panel.source = ear;
  ear.start();
}

function close() {
  ear?.stop();
  panel?.remove();
  ear = panel = null;
}

/**
 * @param {string} url
 * @param {"json" | "text"} form
 * @returns what is there, or null if it cannot be had: what comes next will ask again
 */
async function ask(url, form) {
  try {
    const answer = await fetch(url);
    // Who is signed out meanwhile is sent to sign in: no part of this page.
    return answer.ok && !answer.redirected ? await answer[form]() : null;
  } catch {
    return null;
  }
}

let shown = Promise.resolve();

/** What was said before we joined, or was missed meanwhile, comes from what is saved, in order. */
function showSaved() {
  shown = shown.then(async () => {
    const saved = linesUrl && panel && (await ask(linesUrl, "json"));
    if (saved) panel?.addSaved(saved.lines.map(readSaved));
  });
  return shown;
}

/** Paint a part of the page anew with the server's partial, where it has changed. */
async function refresh(id) {
  const part = document.getElementById(id);
  const text = await ask(part.dataset.refreshUrl, "text");
  if (text === null) return;
  const fresh = part.cloneNode(false);
  fresh.append(...new DOMParser().parseFromString(text, "text/html").body.childNodes);
  const [turns, freshTurns] = [part, fresh].map((each) => each.querySelector(".turns"));
  if (turns && freshTurns) paintTurns(turns, [...freshTurns.children]);
  else if (!isSame(part, fresh)) part.replaceChildren(...fresh.childNodes);
}

/** Turns that did not change keep what a reader does with them: focus, selection, an opened call. */
function paintTurns(list, turns) {
  const stays = new Set(turns.map((turn) => turn.id));
  for (const turn of [...list.children]) if (!stays.has(turn.id)) turn.remove();
  for (const [index, turn] of turns.entries()) {
    const known = document.getElementById(turn.id);
    if (!known) list.insertBefore(turn, list.children[index] ?? null);
    else if (!isSame(known, turn)) replace(known, turn);
  }
}

function replace(known, turn) {
  const hadFocus = known.contains(document.activeElement);
  if (known.querySelector("details[open]")) turn.querySelector("details")?.setAttribute("open", "");
  known.replaceWith(turn);
  if (hadFocus) turn.querySelector("summary")?.focus();
}

/** Whether the server painted the same: times are put into words, and calls opened, only here. */
function isSame(shown, fresh) {
  return asPainted(shown).isEqualNode(asPainted(fresh));
}

function asPainted(element) {
  const copy = element.cloneNode(true);
  for (const time of copy.querySelectorAll("time")) time.textContent = "";
  for (const details of copy.querySelectorAll("details")) details.removeAttribute("open");
  return copy;
}

/** Return a function that has `then` done soon: once for all calls meanwhile, one at a time. */
function soon(then) {
  let asked = false;
  let isAtIt = false;
  return async () => {
    asked = true;
    if (isAtIt) return;
    isAtIt = true;
    while (asked) {
      await new Promise((resolve) => setTimeout(resolve, REFRESH_EVERY_MS));
      asked = false;
      await then();
    }
    isAtIt = false;
  };
}

const showTurns = soon(() => Promise.all([refresh("transcript"), refresh("details"), showSaved()]));
const showListeners = soon(async () => {
  // A question that somebody is reading is not taken from under their eyes.
  const asked = document.querySelector("#heard-by :popover-open");
  if (asked) asked.addEventListener("toggle", showListeners, {once: true});
  else if (document.querySelector("#heard-by")) await refresh("heard-by");
});
const showFacts = soon(() => Promise.all([refresh("heading"), refresh("details")]));

function follow() {
  const events = new EventSource(eventsUrl);
  // Nobody tells what happened before the stream was there, or while it was away.
  events.addEventListener("open", () => {
    showFacts();
    showTurns();
  });
  events.addEventListener("turns", showTurns);
  events.addEventListener("listeners", showListeners);
  events.addEventListener("status", ({data}) => {
    showFacts();
    const {is_active: isActive, is_over: isOver} = JSON.parse(data);
    if (isActive) openOnce();
    if (!isOver) return;
    ear?.stop("ended");
    // We may have been put out before this news came: it is the reason, and nothing to return to.
    panel?.show("ended", "ended");
    showTurns();
    setTimeout(() => events.close(), LAST_WORDS_WITHIN_MS);
  });
  return events;
}

/** Revoke without leaving the page: who does it may be listening too. */
document.querySelector("#heard-by")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  form.closest("[popover]").hidePopover();
  try {
    await fetch(form.action, {method: "POST", body: new FormData(form), redirect: "manual"});
    showListeners();
  } catch {
    form.submit();
  }
});

function start() {
  isOpened = false;
  visit = new AbortController();
  const events = eventsUrl ? follow() : null;
  if ("isActive" in page.dataset) openOnce();
  addEventListener("pagehide", () => {
    events?.close();
    // A token that comes only now would make a listener whom no panel can stop.
    visit.abort();
    close();
  }, {once: true});
}

start();
addEventListener("pageshow", ({persisted}) => persisted && start());
