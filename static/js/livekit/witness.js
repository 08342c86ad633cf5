/**
 * What an ear and our server tell each other: the one where it sounds, the other how it ended.
 * Both name the listener by its token, wherever the ear may be.
 */

const ANSWERS_WITHIN_MS = 5000;

/**
 * Ask the server as the holder of a listener token.
 *
 * @param {string} path below /public/listen/
 * @param {string} token
 * @param {{fetch?: typeof fetch, body?: object, keepalive?: boolean}} [how] with a body it is a POST
 */
export function askAs(token, path, {fetch = globalThis.fetch, body, keepalive} = {}) {
  return fetch(`/public/listen/${path}`, {
    method: body ? "POST" : "GET",
    headers: {Authorization: `Bearer ${token}`, ...(body && {"Content-Type": "application/json"})},
    body: body && JSON.stringify(body),
    cache: "no-store",
    // Who is signed in here is not who listens.
    credentials: "omit",
    keepalive,
    signal: AbortSignal.timeout(ANSWERS_WITHIN_MS),
  });
}

/**
 * Tell the server when an ear begins and ceases to be audible: one thing after the other, and at
 * best, since nobody's listening should fail over it.
 *
 * @param {import("./ear.js").Ear} ear
 * @param {typeof globalThis.fetch} [fetch]
 */
export function attest(ear, fetch) {
  let told = Promise.resolve();
  ear.addEventListener("sound", ({detail: {token, audible}}) => {
    told = told.then(() => askAs(token, "sound", {fetch, body: {audible}, keepalive: true}).catch(() => {}));
  });
}

/**
 * @param {string} token
 * @param {typeof globalThis.fetch} [fetch]
 * @returns {Promise<"" | "stopped" | "call_ended" | "expired" | "revoked" | "lost">} how the server
 *   ended its listen session, "" when it has not
 */
export async function explain(token, fetch) {
  const answer = await askAs(token, "session", {fetch});
  if (!answer.ok) throw new Error("The server does not say how it ended.");
  return (await answer.json()).ended_how;
}
