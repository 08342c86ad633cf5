/* global AnyReach, document, fetch */

/** What docs/listen-sdk.md explains, with a list of the calls that can be heard. */

const part = (id) => document.getElementById(id);

// What a person can do about it; of other errors it is enough to say what has happened.
const WAYS_ON = {
  audio_blocked: "Your browser blocks the sound. Press Listen once more.",
  lost: "The connection was lost. Press Listen to come back.",
  timeout: "That took too long. Press Listen to try again.",
  token_refused: "This call has ended, or you may not hear it.",
};

let session;
let lines;

const notice = (text) => (part("notice").textContent = text);
const tell = ({code, message}) => notice(WAYS_ON[code] ?? message);

/** Ask our own server, which alone has the API key. */
async function listenerToken(conversation, renews) {
  const answer = await fetch(`/listener-token?conversation=${encodeURIComponent(conversation)}`, {
    method: "POST",
    headers: {"Content-Type": "application/json"},
    body: JSON.stringify({renews}),
  });
  return answer.json();
}

function showState(state) {
  part("state").textContent = state;
  part("leave").disabled = state === "disconnected";
  if (state === "disconnected") part("sound").disabled = false;
}

/** It is what strangers said: through textContent, never innerHTML. */
function showLine({id, role, text, final}) {
  if (!lines.has(id)) lines.set(id, part("lines").appendChild(document.createElement("li")));
  const line = lines.get(id);
  line.textContent = `${role}: ${text}`;
  line.className = final ? "" : "interim"; // it is still being said
}

/** In a click, as browsers want one before a page sounds. */
function hear() {
  notice("");
  if (session.getState() === "disconnected") session.connect().catch(tell);
  session.startAudio().then(() => (part("sound").disabled = true), tell);
}

function mute(isMuted) {
  if (isMuted) session.mute();
  else session.unmute();
  part("mute").textContent = session.isMuted() ? "Unmute" : "Mute";
}

async function open({id, caller}) {
  await session?.end();
  lines = new Map();
  part("lines").replaceChildren();
  part("call").textContent = caller;
  part("session").hidden = false;
  session = AnyReach.listen({getToken: ({renews}) => listenerToken(id, renews)})
    .on("stateChange", showState)
    .on("transcript", showLine)
    .on("audioBlocked", () => (part("sound").disabled = false))
    .on("agentDisconnected", () => notice("The agent has left the call."))
    .on("error", tell);
  mute(false);
  hear();
}

async function showCalls() {
  const calls = await (await fetch("/calls")).json();
  if (calls.length === 0) part("calls").textContent = "No call is live. Call an agent, then reload.";
  for (const call of calls) {
    const button = document.createElement("button");
    button.textContent = `Listen to ${call.caller}`;
    button.addEventListener("click", () => open(call));
    part("calls").appendChild(document.createElement("li")).append(button);
  }
}

part("sound").addEventListener("click", hear);
part("mute").addEventListener("click", () => mute(!session.isMuted()));
part("leave").addEventListener("click", () => session.end());
showCalls();
