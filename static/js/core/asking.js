/** Asking the server again for what a page shows. */

/**
 * @param {string} url
 * @param {"json" | "text"} form
 * @returns what is there, or null if it cannot be had: what comes next will ask again
 */
export async function ask(url, form) {
  try {
    const answer = await fetch(url);
    // Who is signed out meanwhile is sent to sign in: no part of this page.
    return answer.ok && !answer.redirected ? await answer[form]() : null;
  } catch {
    return null;
  }
}

/**
 * Return a function that has `then` done at once, or after what is under way: once for all calls
 * meanwhile, one at a time.
 *
 * @param {() => Promise<unknown>} then
 * @param {number} restMs between one time and the next
 */
export function oneAtATime(then, restMs) {
  let asked = false;
  let isAtIt = false;
  return async () => {
    asked = true;
    if (isAtIt) return;
    isAtIt = true;
    while (asked) {
      asked = false;
      await then();
      await new Promise((resolve) => setTimeout(resolve, restMs));
    }
    isAtIt = false;
  };
}

// What is told of a turn after it was said (how long it took, that it was cut off) comes within so many.
const LOOKED_AT_AGAIN = 20;

/**
 * What to ask for, to have all turns that are new or have changed (conversations/parts.py).
 *
 * @param {{id: string, position: number, final: boolean}[]} known in the order of what was said
 * @returns {string} the query of an address
 */
export function newsOf(known) {
  const latest = known.slice(-LOOKED_AT_AGAIN).map(({position}) => position);
  const unfinished = known.filter(({final}) => !final).map(({id}) => ["turn", id]);
  return String(new URLSearchParams([["since", Math.min(...latest, latest[0] ?? 0)], ...unfinished]));
}
