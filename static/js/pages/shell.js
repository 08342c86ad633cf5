/** What every page has: the theme switch, copy buttons, times in the reader's zone. */

const FORMATS = {
  "": new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeStyle: "short"}),
  recent: {format: recent},
  seconds: new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeStyle: "medium"}),
  time: new Intl.DateTimeFormat(undefined, {timeStyle: "medium"}),
};

const DAY = new Intl.DateTimeFormat(undefined, {month: "short", day: "numeric"});
const CLOCK = new Intl.DateTimeFormat(undefined, {timeStyle: "short"});

/** Write no more of a moment than tells it from others: what day and year it is, readers know. */
function recent(moment) {
  const now = new Date();
  if (moment.toDateString() === now.toDateString()) return CLOCK.format(moment);
  if (moment.getFullYear() === now.getFullYear()) return `${DAY.format(moment)}, ${CLOCK.format(moment)}`;
  return FORMATS[""].format(moment);
}

const theme = /** @type {HTMLFieldSetElement | null} */ (document.querySelector("#theme"));
if (theme) offerThemes(theme);

prepare(document.body);
new MutationObserver((changes) => {
  for (const {addedNodes} of changes) {
    for (const node of addedNodes) if (node instanceof Element) prepare(node);
  }
}).observe(document.body, {childList: true, subtree: true});

/** Finish what the server painted, or painted anew. @param {Element} part of the page */
function prepare(part) {
  for (const time of part.querySelectorAll("time[data-local]")) {
    const format = FORMATS[time.dataset.local] ?? FORMATS[""];
    time.textContent = format.format(new Date(time.dateTime));
  }
  for (const button of part.querySelectorAll("[data-copy]")) {
    const field = /** @type {HTMLInputElement} */ (document.getElementById(button.dataset.copy));
    offerCopy(button, () => field.value);
  }
  for (const button of part.querySelectorAll("[data-copy-link]")) {
    offerCopy(button, () => new URL(button.dataset.copyLink, location.href).href);
  }
}

/** @param {HTMLButtonElement} button shown from now on  @param {() => string} text to copy */
function offerCopy(button, text) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text());
    const said = document.createElement("span");
    said.className = "copied";
    said.role = "status";
    button.after(said);
    said.textContent = "Copied";
    setTimeout(() => said.remove(), 2000);
  });
}

/** @param {HTMLFieldSetElement} fieldset of radio buttons: system, light, dark */
function offerThemes(fieldset) {
  const chosen = localStorage.getItem("theme") ?? "system";
  fieldset.querySelector(`[value="${CSS.escape(chosen)}"]`)?.setAttribute("checked", "");
  fieldset.hidden = false;
  fieldset.addEventListener("change", (event) => {
    const {value} = /** @type {HTMLInputElement} */ (event.target);
    if (value === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", value);
    dispatchEvent(new Event("themechange"));
  });
}
