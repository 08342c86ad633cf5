/** A page of ours asks for a listener token, as whoever is signed in. */

/**
 * @param {string} url of the conversation's listener tokens
 * @param {{organizationId: string, csrf: string, renews?: string, signal?: AbortSignal}} how `renews`: the
 *   identity that the token follows
 * @returns {Promise<{url: string, token: string, room_name: string, expires_at: string}>} rejects with
 *   the server's sentence, and its answer's `status`
 */
export async function mint(url, {organizationId, csrf, renews, signal}) {
  const answer = await fetch(url, {
    method: "POST",
    headers: {"Content-Type": "application/json", "X-CSRFToken": csrf, "X-Anyreach-Org": organizationId},
    body: JSON.stringify(renews ? {renews} : {}),
    signal,
  });
  if (answer.ok) return answer.json();
  const {detail} = await answer.json().catch(() => ({}));
  throw Object.assign(new Error(detail ?? "No listener token"), {status: answer.status});
}
