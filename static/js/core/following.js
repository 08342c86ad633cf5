/** Following what changes of a page, for as long as whoever opened it may see it. */

const AGAIN_MS = 3000;

/**
 * Follow the events at `url` until the returned function is called.
 *
 * A browser goes on by itself when a connection breaks, and gives up where the answer is not a
 * stream: while the server is being started anew, or when the page is not the reader's any more.
 * Then the page is left, with all that it shows and lets hear.
 *
 * @param {string} url
 * @param {string} shownUrl of a part of the page, which whoever may see the page may ask for
 * @param {Record<string, (event: MessageEvent) => void>} handlers by the event's name
 * @returns {() => void}
 */
export function follow(url, shownUrl, handlers) {
  let events = null;
  let timer = null;
  let isLeft = false;

  function open() {
    events = new EventSource(url);
    for (const [name, handler] of Object.entries(handlers)) events.addEventListener(name, handler);
    events.addEventListener("error", () => {
      if (events.readyState === EventSource.CLOSED) look();
    });
  }

  async function look() {
    const isOurs = await isStillOurs(shownUrl);
    if (isLeft) return;
    if (isOurs === false) location.reload();
    else timer = setTimeout(isOurs ? open : look, AGAIN_MS);
  }

  open();
  return () => {
    isLeft = true;
    clearTimeout(timer);
    events.close();
  };
}

/** Whether the reader may still see this page; null while the server does not say. */
async function isStillOurs(shownUrl) {
  try {
    const answer = await fetch(shownUrl);
    if (answer.redirected || (answer.status >= 400 && answer.status < 500)) return false;
    return answer.ok || null;
  } catch {
    return null;
  }
}
