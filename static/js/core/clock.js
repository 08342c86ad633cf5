/**
 * Write whole seconds as pages do: 12:04, or 1:02:03.
 *
 * @param {number} seconds
 */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/**
 * Keep what lasts counting: every element with `data-since` shows how long ago that was.
 *
 * @param {string} now the server's time as the page was painted: clocks differ
 */
export function countUp(now) {
  const ahead = new Date(now).getTime() - Date.now();
  const show = () => {
    for (const element of document.querySelectorAll("[data-since]")) {
      const since = new Date(element.dataset.since).getTime();
      element.textContent = clock((Date.now() + ahead - since) / 1000);
    }
  };
  setInterval(show, 1000);
}
