/** Going from turn to turn by keyboard, and copying the link to one. */

const COPIED_SHOWN_MS = 2000;

/**
 * @param {Element} list of turns
 * @param {(sentence: string) => void} say to screen readers
 * @returns {(by: 1 | -1) => void} goes to the next turn, or the one before
 */
export function offerSteps(list, say) {
  function step(by) {
    const at = list.querySelector(":scope > :focus-within") ?? list.querySelector(":scope > :target");
    const next = at ? (by > 0 ? at.nextElementSibling : at.previousElementSibling) : firstInView(list);
    if (next) focusOn(next);
  }

  list.addEventListener("keydown", (event) => {
    const by = {ArrowDown: 1, ArrowUp: -1}[event.key];
    const isChord = event.ctrlKey || event.metaKey || event.altKey || event.shiftKey;
    if (!by || isChord || !event.target.matches(".turn, .turn-link")) return;
    event.preventDefault();
    step(by);
  });
  list.addEventListener("click", async (event) => {
    const link = event.target.closest(".turn-link");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    await navigator.clipboard.writeText(link.href);
    say("Link copied");
    link.dataset.copied = "";
    setTimeout(() => delete link.dataset.copied, COPIED_SHOWN_MS);
  });
  return step;
}

/** @param {HTMLElement} turn */
export function focusOn(turn) {
  turn.tabIndex = -1;
  turn.focus({preventScroll: true});
  turn.scrollIntoView({block: "nearest"});
}

function firstInView(list) {
  const turns = [...list.children];
  return turns.find((turn) => turn.getBoundingClientRect().top >= parseFloat(getComputedStyle(turn).scrollMarginTop));
}
