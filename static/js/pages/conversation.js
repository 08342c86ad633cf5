/** A conversation's page: the snoop panel of a live one, and the parts that change by themselves. */

import {readSaved} from "../core/transcript.js";
import {SnoopPanelElement} from "../elements/snoop-panel.js";
import {Ear, refusalOf} from "../livekit/ear.js";

const REFRESH_EVERY_MS = 500;
const page = document.querySelector("#conversation");
const {tokenUrl, linesUrl, eventsUrl, organizationId, csrf} = page.dataset;
const place = document.querySelector("#snoop");

let ear = null;
let panel = null;

/** Ask for a listener token. @param {string} [renews] the identity that it follows */
async function mint(renews) {
  const answer = await fetch(tokenUrl, {
    method: "POST",
    headers: {"Content-Type": "application/json", "X-CSRFToken": csrf, "X-Anyreach-Org": organizationId},
    body: JSON.stringify(renews ? {renews} : {}),
  });
  if (!answer.ok) throw Object.assign(new Error("No listener token"), {status: answer.status});
  return answer.json();
}

/** LiveKit's client is big, and comes only where a call may be heard. The panel says what matters. */
async function loadLiveKit() {
  const livekit = await import("livekit-client");
  livekit.setLogLevel("silent");
  return livekit;
}

/** Open the panel if this call can be heard; otherwise nothing happens. */
async function open() {
  loadLiveKit().catch(() => {}); // meanwhile; who needs it then hears of a failure
  let grant;
  try {
    grant = await mint();
  } catch {
    return;
  }
  SnoopPanelElement.define();
  panel = document.createElement("anyreach-snoop-panel");
  panel.addEventListener("stop", close);
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

function hear(grant) {
  ear = new Ear({loadLiveKit, grant, renew: mint});
  ear.addEventListener("state", ({detail}) => detail.state === "live" && showSaved());
  panel.source = ear;
  ear.start();
}

function close() {
  ear?.stop();
  panel?.remove();
  ear = panel = null;
}

/** @returns {Promise<Response | null>} null if there is none: what comes next will ask again */
async function ask(url) {
  try {
    const answer = await fetch(url);
    // Who is signed out meanwhile is sent to sign in: no part of this page.
    return answer.ok && !answer.redirected ? answer : null;
  } catch {
    return null;
  }
}

/** What was said before we joined, or was missed meanwhile, comes from what is saved. */
async function showSaved() {
  if (!linesUrl || !panel) return;
  const answer = await ask(linesUrl);
  if (answer) panel?.addSaved((await answer.json()).lines.map(readSaved));
}

/** Paint a part of the page anew with the server's partial, keeping what was opened and focused. */
async function refresh(id) {
  const part = document.getElementById(id);
  const answer = await ask(part.dataset.refreshUrl);
  if (!answer) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").body;
  for (const opened of part.querySelectorAll("[id] details[open]")) {
    fresh.querySelector(`#${CSS.escape(opened.closest("[id]").id)} details`)?.setAttribute("open", "");
  }
  const focused = part.contains(document.activeElement) && document.activeElement.closest("[id]")?.id;
  part.replaceChildren(...fresh.childNodes);
  if (focused && focused !== id) document.getElementById(focused)?.querySelector("summary")?.focus();
}

/** Return a function that calls `then` soon, once for all calls meanwhile. */
function soon(then) {
  let timer = 0;
  return () => {
    timer ||= setTimeout(() => {
      timer = 0;
      then();
    }, REFRESH_EVERY_MS);
  };
}

const showTurns = soon(() => {
  refresh("transcript");
  refresh("details");
  showSaved();
});
const showFacts = soon(() => {
  refresh("heading");
  refresh("details");
});

function follow() {
  const events = new EventSource(eventsUrl);
  events.addEventListener("turns", showTurns);
  events.addEventListener("status", ({data}) => {
    showFacts();
    if (JSON.parse(data).is_active) return;
    ear?.stop("ended");
    showTurns();
    events.close();
  });
  return events;
}

function start() {
  const events = eventsUrl ? follow() : null;
  if ("mayListen" in page.dataset) open();
  addEventListener("pagehide", () => {
    events?.close();
    close();
  }, {once: true});
}

start();
addEventListener("pageshow", ({persisted}) => persisted && start());
