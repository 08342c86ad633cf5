/** The inbox: rows change by themselves, new ones are announced, older ones come as one scrolls. */

import {ask, oneAtATime} from "../core/asking.js";
import {countUp} from "../core/clock.js";
import {follow} from "../core/following.js";
import {isSame, read} from "../core/painting.js";
import {offerShortcuts} from "../core/shortcuts.js";

const AHEAD = "800px";
const REST_MS = 1000;
/** What never changes of a row, and was finished here. */
const FIXED = new Set(["Link", "Started"]);

const inbox = document.querySelector("#inbox");
const {organizationId, rowsUrl, eventsUrl, now} = inbox.dataset;
const news = inbox.querySelector(".news button");
const memory = `inbox:${organizationId}`;
const fresh = new Set();

const region = () => inbox.querySelector("#rows");
const body = () => inbox.querySelector("tbody");
const rows = () => [...inbox.querySelectorAll("tbody tr")];
const rowOf = (id) => inbox.querySelector(`tr[data-id="${CSS.escape(id)}"]`);
const next = (part = inbox) => part.querySelector(".pages [rel=next]");

// --- Rows ---------------------------------------------------------------------------------------

/** Get a page of rows as the server paints them, or null. */
async function askForRows(url) {
  const html = await ask(url, "text");
  return html && read(html).querySelector("#rows");
}

/** Bring a row up to date in place, cell by cell: what did not change stays as it is being read. */
function update(row, painted) {
  row.toggleAttribute("data-is-open", painted.hasAttribute("data-is-open"));
  for (const [index, cell] of [...painted.cells].entries()) {
    const shown = row.cells[index];
    if (FIXED.has(cell.dataset.label) || isSame(shown, cell)) continue;
    const hadFocus = shown.contains(document.activeElement);
    shown.replaceChildren(...cell.childNodes);
    if (cell.title) shown.title = cell.title;
    if (hadFocus) shown.querySelector("a, button")?.focus();
  }
}

/** Take in a row that was painted: up to date if it is here, announced if it is to come on top. */
function take(painted, fits = true) {
  const shown = rowOf(painted.dataset.id);
  if (shown) update(shown, painted);
  else if (fits && belongs(painted)) fresh.add(painted.dataset.id);
}

/** Whether a row belongs among those that are shown: not further down, where it will come by scrolling. */
function belongs(painted) {
  const last = rows().at(-1);
  return !last || !next() || Number(painted.dataset.at) > Number(last.dataset.at);
}

function announce() {
  if (fresh.size > 0 && rows().length === 0) showNewest(); // nobody reads an empty page
  news.hidden = fresh.size === 0;
  news.textContent = `${fresh.size} new`;
}

/** Begin anew at the top. */
async function showNewest() {
  const painted = await askForRows(rowsUrl);
  if (!painted) return;
  fresh.clear();
  region().replaceWith(painted);
  announce();
  followScroll();
}

// --- Older rows, as one scrolls -----------------------------------------------------------------

const nearing = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && showOlder(), {
  rootMargin: AHEAD,
});

function followScroll() {
  nearing.disconnect();
  if (next()) nearing.observe(next());
}

let isAtIt = false;

async function showOlder() {
  const link = next();
  if (!link || isAtIt) return;
  isAtIt = true;
  const painted = await askForRows(link.dataset.rowsUrl);
  isAtIt = false;
  if (!painted || next() !== link) return; // the link is still there, for a click
  body().append(...[...painted.querySelectorAll("tbody tr")].filter((row) => !rowOf(row.dataset.id)));
  const following = next(painted);
  if (following) link.replaceWith(following);
  else link.remove();
  followScroll();
}

// --- What the server tells ----------------------------------------------------------------------

/** Ask for what may have been missed: the newest rows, and on until every open call here was seen. */
const catchUp = oneAtATime(async () => {
  const unseen = new Set(rows().filter((row) => "isOpen" in row.dataset).map((row) => row.dataset.id));
  for (let url = rowsUrl; url; ) {
    const painted = await askForRows(url);
    if (!painted) return;
    for (const row of painted.querySelectorAll("tbody tr")) {
      take(row);
      unseen.delete(row.dataset.id);
    }
    url = unseen.size > 0 ? next(painted)?.dataset.rowsUrl : null;
  }
  announce();
}, REST_MS);

function followCalls() {
  const leave = follow(eventsUrl, rowsUrl, {
    missed: catchUp,
    rows({data}) {
      for (const {html, fits} of JSON.parse(data)) {
        take(read(`<table>${html}</table>`).querySelector("tr"), fits);
      }
      announce();
    },
  });
  addEventListener("pagehide", leave, {once: true});
}

// --- What the reader does -----------------------------------------------------------------------

async function goToNewest() {
  await showNewest();
  scrollTo({top: 0});
  inbox.querySelector("tbody a")?.focus();
}

news.addEventListener("click", goToNewest);

inbox.addEventListener("click", ({target}) => {
  const row = target.closest("tbody tr");
  if (!row || target.closest("a, button") || String(getSelection())) return;
  open(row.querySelector("a").href, "_blank", "noopener");
});

/** Go to the row after the one with the focus, or before it; to the first if none has it. */
function step(by) {
  const all = rows();
  const at = all.findIndex((row) => row.contains(document.activeElement));
  const link = all[at < 0 ? 0 : at + by]?.querySelector("a");
  link?.focus({preventScroll: true});
  link?.closest("tr").scrollIntoView({block: "nearest"});
}

const shortcuts = [
  {keys: "j", does: "Next conversation", then: () => step(1)},
  {keys: "k", does: "Conversation before", then: () => step(-1)},
  {keys: "n", does: "Show new conversations", then: goToNewest},
  {keys: "f", does: "Filter", then: () => document.querySelector("#filter").showPopover()},
];

// --- Filters ------------------------------------------------------------------------------------

const form = document.querySelector("#filter form");

/** Moments are UTC in an address and the reader's own time in the dialog. */
for (const field of form.querySelectorAll("[data-utc]")) {
  const given = field.getAttribute("value");
  const moment = given && new Date(/Z|[+-]\d\d:?\d\d$/.test(given) ? given : `${given}Z`);
  if (moment && !Number.isNaN(moment.getTime())) field.value = local(moment);
}

function local(moment) {
  return new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const address = new URLSearchParams();
  for (const field of form.elements) {
    if (!field.name || !field.value.trim()) continue;
    const isMoment = "utc" in field.dataset;
    address.set(field.name, isMoment ? new Date(field.value).toISOString().replace(/:\d\d\.\d+Z$/, "Z") : field.value.trim());
  }
  goTo(address);
});

/** Show what an address asks for, and remember it for the next visit. */
function goTo(address) {
  if (address.size > 0) localStorage.setItem(memory, address);
  else localStorage.removeItem(memory);
  location.assign(`${location.pathname}${address.size > 0 ? `?${address}` : ""}`);
}

for (const link of document.querySelectorAll("[data-reset], .chip")) {
  link.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    goTo(new URL(link.href).searchParams);
  });
}

// --- Begin --------------------------------------------------------------------------------------

const remembered = localStorage.getItem(memory);
if (!location.search && remembered) location.replace(`?${remembered}`);
else {
  countUp(now);
  offerShortcuts(shortcuts);
  followScroll();
  // Beside older rows, reached without scripts or by a link, there is no place for new ones.
  if ("isFirst" in inbox.dataset) followCalls();
  addEventListener("pageshow", ({persisted}) => persisted && "isFirst" in inbox.dataset && followCalls());
}
