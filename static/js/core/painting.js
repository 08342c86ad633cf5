/** What the server paints, and paints anew, beside what is on the page. */

// Set here, not by the server: calls are opened, bars compared, links copied; times put into words.
const OURS = {time: [], details: ["open"], meter: ["max"], a: ["data-copied"]};

/** @param {string} html @returns {HTMLElement} its body, in a document of its own: nothing in it runs */
export function read(html) {
  return new DOMParser().parseFromString(html, "text/html").body;
}

/** Whether the server painted the same, whatever became of it here. @param {Element} shown @param {Element} fresh */
export function isSame(shown, fresh) {
  return asPainted(shown).isEqualNode(asPainted(fresh));
}

function asPainted(element) {
  const copy = document.createElement("div");
  copy.append(...[...element.childNodes].map((node) => node.cloneNode(true)));
  for (const [name, attributes] of Object.entries(OURS)) {
    for (const each of copy.querySelectorAll(name)) {
      for (const attribute of attributes) each.removeAttribute(attribute);
    }
  }
  for (const each of copy.querySelectorAll("time, [data-since]")) each.textContent = "";
  return copy;
}
