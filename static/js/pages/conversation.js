/** A conversation's page: the snoop panel of a live one, and the parts that change by themselves. */

import {offerFind} from "../conversation/find.js";
import {Listening} from "../conversation/listening.js";
import {offerNewest} from "../conversation/newest.js";
import {offerTabs} from "../conversation/panes.js";
import {offerSteps} from "../conversation/steps.js";
import {offerTransfer} from "../conversation/transfer.js";
import {newsOfList, takeIn} from "../conversation/turns.js";
import {ask, oneAtATime} from "../core/asking.js";
import {countUp} from "../core/clock.js";
import {follow} from "../core/following.js";
import {isSame, read} from "../core/painting.js";
import {offerShortcuts} from "../core/shortcuts.js";

const REST_MS = 500;
const LAST_WORDS_WITHIN_MS = 30_000;
const page = document.querySelector("#conversation");
const transcript = document.querySelector("#transcript");
const list = transcript.querySelector(".turns"); // none for whoever may not read what was said
const said = document.querySelector("#said");

let listening = null;
let came = () => {};
let isCaughtUp = false;

/** Paint a part of the page anew with the server's partial, where it has changed. */
async function refresh(id) {
  const part = document.getElementById(id);
  const html = await ask(part.dataset.refreshUrl, "text");
  if (html === null) return;
  const fresh = read(html);
  if (!isSame(part, fresh)) part.replaceChildren(...fresh.childNodes);
}

/** Bring the transcript up to date, part by part. */
async function refreshTurns() {
  let query = list && newsOfList(list);
  while (query) {
    const html = await ask(`${transcript.dataset.refreshUrl}?${query}`, "text");
    if (html === null) return;
    const fresh = read(html);
    const finished = takeIn(list, [...fresh.querySelectorAll(".turns > *")]);
    if (isCaughtUp) tell(finished);
    arrive();
    for (const each of transcript.querySelectorAll(".empty-state, .later")) each.remove();
    const [empty, later] = [".empty-state", ".later"].map((name) => fresh.querySelector(name));
    transcript.append(...[empty, later].filter(Boolean));
    query = later && `since=${later.querySelector("a").dataset.following}`;
  }
  isCaughtUp = true;
}

/** Screen readers hear what was said once it is final: from here, or from the panel if it is open. */
function tell(finished) {
  came(finished.length);
  if (finished.length === 0 || listening?.isOpen) return;
  const sentences = finished.filter((turn) => turn.querySelector(".turn-who")).map(
    (turn) => `${turn.querySelector(".turn-who").textContent}: ${turn.querySelector(".turn-text").textContent}`,
  );
  say(sentences.join("\n"));
}

function say(sentence) {
  said.textContent = sentence;
}

/** Whether the turn that the address names is still to come. */
let isAwaited = location.hash.startsWith("#turn-") && !document.querySelector(":target");

function arrive() {
  const turn = isAwaited && document.getElementById(location.hash.slice(1));
  if (!turn) return;
  isAwaited = false;
  location.replace(location.hash);
  turn.scrollIntoView();
}

const showTurns = oneAtATime(
  () => Promise.all([refreshTurns(), refresh("details"), listening?.showSaved()]), REST_MS,
);
const showListeners = oneAtATime(async () => {
  // A question that somebody is reading is not taken from under their eyes.
  const asked = document.querySelector("#heard-by :popover-open");
  if (asked) asked.addEventListener("toggle", showListeners, {once: true});
  else if (document.querySelector("#heard-by")) await refresh("heard-by");
}, REST_MS);
const showFacts = oneAtATime(() => Promise.all([refresh("heading"), refresh("details")]), REST_MS);
const showTransfer = offerTransfer(
  document.querySelector("#transfer"), document.querySelector("#transfer-title"), page.dataset,
  (sentence) => { document.querySelector("#transfer-said").textContent = sentence; },
);

function followCall() {
  const leave = follow(page.dataset.eventsUrl, document.querySelector("#heading").dataset.refreshUrl, {
    // Nobody tells what happened before the stream was there, or while it was away.
    open() {
      showFacts();
      showTurns();
      showTransfer();
    },
    turns: showTurns,
    transfer() {
      showTransfer();
      showTurns(); // among which it stands who took the call
    },
    listeners: showListeners,
    status({data}) {
      showFacts();
      showTransfer();
      const {is_active: isActive, is_over: isOver} = JSON.parse(data);
      if (isActive) listening.open();
      if (!isOver) return;
      listening.end();
      showTurns();
      setTimeout(leave, LAST_WORDS_WITHIN_MS);
    },
  });
  return leave;
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
  listening = new Listening(page.dataset, document.querySelector("#snoop"));
  const leave = page.dataset.eventsUrl ? followCall() : null;
  if (transcript.querySelector(".later")) showTurns();
  if ("isActive" in page.dataset) listening.open();
  addEventListener("pagehide", () => {
    leave?.();
    listening.leave();
  }, {once: true});
}

/** @param {() => void} showInteraction where only one pane is shown */
function offerKeys(showInteraction) {
  const shortcuts = [
    {keys: "g i", does: "Go to the inbox", then: () => document.querySelector("#heading nav a").click()},
  ];
  if (list) {
    const step = offerSteps(list, say);
    const find = offerFind(list, document.querySelector("#find"));
    const inTranscript = (then) => () => {
      showInteraction();
      then();
    };
    shortcuts.unshift(
      {keys: "j", does: "Next turn", then: inTranscript(() => step(1))},
      {keys: "k", does: "Turn before", then: inTranscript(() => step(-1))},
      {keys: "/", does: "Find in transcript", then: inTranscript(find)},
    );
    came = offerNewest(list, document.querySelector("#newest"));
  }
  if (page.dataset.tokenUrl) {
    shortcuts.push({keys: "l", does: "Listen, or mute", then: () => listening.toggleSound()});
  }
  offerShortcuts(shortcuts);
}

offerKeys(offerTabs(document.querySelector("#pane-tabs"), matchMedia("(width < 50rem)")));
countUp(page.dataset.now);
start();
addEventListener("pageshow", ({persisted}) => persisted && start());
