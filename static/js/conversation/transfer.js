/** The panel Transfer: puts a human on the line, shows each step as it comes, and takes it back. */

import {ask, oneAtATime} from "../core/asking.js";
import {isSame, read} from "../core/painting.js";
import {bodyOf, send} from "../core/transferring.js";

const REST_MS = 300;

/**
 * @param {HTMLElement} panel whose parts have ids
 * @param {HTMLElement} title takes the focus when what had it is gone
 * @param {{organizationId: string, csrf: string}} reader of the page
 * @param {(sentence: string) => void} say to screen readers
 * @returns {() => void} shows how far it is
 */
export function offerTransfer(panel, title, reader, say) {
  let looking;
  const show = oneAtATime(async () => {
    const html = await ask(panel.dataset.refreshUrl, "text");
    if (html !== null) paint(read(html));
    lookAgain();
  }, REST_MS);

  function paint(fresh) {
    prepare(fresh);
    const before = told(panel);
    for (const part of fresh.children) {
      const shown = document.getElementById(part.id);
      // What somebody is filling in is not taken from under their hands.
      if (isSame(shown, part) || shown.querySelector(":popover-open")) continue;
      const hadFocus = shown.contains(document.activeElement);
      shown.replaceChildren(...part.childNodes);
      if (hadFocus) title.focus();
    }
    if (told(panel) !== before) say(told(panel));
  }

  /** Where no worker runs, nobody tells that a transfer did not begin. */
  function lookAgain() {
    clearTimeout(looking);
    const inS = panel.querySelector("[data-look-again-in-s]")?.dataset.lookAgainInS;
    if (inS) looking = setTimeout(show, inS * 1000);
  }

  panel.addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target;
    const refusal = await send("POST", form.action, reader, bodyOf(new FormData(form)));
    explain(form, refusal ?? {detail: "", errors: []});
    if (!refusal) form.closest("[popover]").hidePopover();
  });
  panel.addEventListener("click", async ({target}) => {
    const button = target.closest("[data-cancel]");
    if (!button) return;
    const refusal = await send("DELETE", button.dataset.cancel, reader);
    if (refusal) button.nextElementSibling.textContent = refusal.detail;
    else show();
  });
  // Such an event is told to its target only.
  panel.addEventListener("toggle", ({target, newState}) => {
    if (target.matches("[popover]") && newState === "closed") show();
  }, {capture: true});

  prepare(panel);
  lookAgain();
  return show;
}

function prepare(part) {
  for (const button of part.querySelectorAll("[data-scripted]")) button.hidden = false;
}

function told(panel) {
  return panel.querySelector("[data-told]")?.textContent.trim().replace(/\s+/g, " ") ?? "";
}

/** Say at each field what is wrong with it, and above them what is no field's. */
function explain(form, {detail, errors}) {
  const wrong = errors.filter(({field}) => field in form.elements);
  const messages = new Map(wrong.map(({field, message}) => [field, message]));
  const fields = [...form.querySelectorAll("[name]")];
  for (const field of fields) mark(field, messages.get(field.name));
  form.querySelector("[role=alert]").textContent = wrong.length ? "" : detail;
  fields.find(({name}) => messages.has(name))?.focus();
}

function mark(field, message) {
  const id = `${field.id}_error`;
  document.getElementById(id)?.remove();
  const described = (field.getAttribute("aria-describedby") ?? "").split(" ").filter((each) => each && each !== id);
  field.removeAttribute("aria-invalid");
  field.removeAttribute("aria-describedby");
  if (message) {
    const said = document.createElement("p");
    Object.assign(said, {id, className: "form-errors", textContent: message});
    field.after(said);
    field.setAttribute("aria-invalid", "true");
    described.unshift(id);
    const more = field.closest("details");
    if (more) more.open = true;
  }
  if (described.length) field.setAttribute("aria-describedby", described.join(" "));
}
