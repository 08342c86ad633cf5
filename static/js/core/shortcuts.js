/**
 * Keys that do something by themselves: j, ?, or g and then i. A dialog lists them
 * (templates/partials/shortcuts.html) and switches them off, in this browser.
 *
 * @typedef {{keys: string, does: string, then: () => void}} Shortcut `keys` with a space between
 *   those that are pressed one after the other; `does` in words
 */

const TOGETHER_MS = 1000;
const FIELDS = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
const MEMORY = "shortcuts";

/** @param {Shortcut[]} shortcuts of this page; ? is added */
export function offerShortcuts(shortcuts) {
  const dialog = document.querySelector("#shortcuts");
  const all = [...shortcuts, {keys: "?", does: "Show this list", then: () => dialog.showPopover()}];
  dialog.querySelector("dl").replaceChildren(...all.flatMap(painted));
  const areOn = dialog.querySelector("input");
  areOn.checked = localStorage.getItem(MEMORY) !== "off";
  areOn.addEventListener("change", () => {
    if (areOn.checked) localStorage.removeItem(MEMORY);
    else localStorage.setItem(MEMORY, "off");
  });
  document.querySelector("[popovertarget=shortcuts]").hidden = false;

  let pressed = {keys: "", at: 0};
  addEventListener("keydown", (event) => {
    if (!areOn.checked || !isFree(event)) return;
    const isSoon = event.timeStamp - pressed.at < TOGETHER_MS;
    const shortcut = shortcutOf(all, event.key, isSoon ? pressed.keys : "");
    pressed = {keys: event.key, at: event.timeStamp};
    if (!shortcut) return;
    event.preventDefault();
    pressed = {keys: "", at: 0};
    shortcut.then();
  });
}

/**
 * @param {Shortcut[]} shortcuts
 * @param {string} key
 * @param {string} before the key that was pressed just before it, or ""
 */
export function shortcutOf(shortcuts, key, before) {
  const of = (keys) => shortcuts.find((shortcut) => shortcut.keys === keys);
  return (before && of(`${before} ${key}`)) || of(key);
}

/** Whether nobody else means the key: it is no chord, goes into no field, and nothing is open. */
function isFree(event) {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return false;
  const [target] = event.composedPath();
  return !target.closest?.(FIELDS) && !document.querySelector(":popover-open, dialog:modal");
}

function painted({keys, does}) {
  const [term, meaning] = [document.createElement("dt"), document.createElement("dd")];
  for (const key of keys.split(" ")) {
    const cap = document.createElement("kbd");
    cap.textContent = key;
    term.append(cap);
  }
  meaning.textContent = does;
  return [term, meaning];
}
