/** A page of ours asks the API to have a human put on the line. */

const AWAY = "AnyReach does not answer. Please try again.";
const READ = {
  // As people write them: +49 30 555010.
  transfer_number: (text) => (text.startsWith("+") ? text.replace(/[ ()./-]/g, "") : text),
  ring_timeout_seconds: Number,
  accept_timeout_seconds: Number,
};

/**
 * Return what a form asks for, as the API takes it: what is empty is left out.
 *
 * @param {Iterable<[string, string]>} filled names and values of the form's fields
 * @returns {Record<string, string | number>}
 */
export function bodyOf(filled) {
  const given = [...filled].map(([name, text]) => [name, text.trim()]).filter(([, text]) => text);
  return Object.fromEntries(given.map(([name, text]) => [name, READ[name]?.(text) ?? text]));
}

/**
 * @param {"POST" | "DELETE"} method
 * @param {string} url
 * @param {{organizationId: string, csrf: string}} reader of the page
 * @param {object} [body]
 * @returns {Promise<{detail: string, errors: {field: string, message: string}[]} | null>} why not, in
 *   sentences; null when it is done
 */
export async function send(method, url, {organizationId, csrf}, body) {
  const headers = {"Content-Type": "application/json", "X-CSRFToken": csrf, "X-Anyreach-Org": organizationId};
  try {
    const answer = await fetch(url, {method, headers, body: body && JSON.stringify(body)});
    if (answer.ok) return null;
    const {detail, errors = []} = await answer.json();
    return {detail, errors};
  } catch {
    return {detail: AWAY, errors: []};
  }
}
