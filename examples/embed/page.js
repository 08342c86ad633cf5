/* global AnyReach, document, fetch */

/** What docs/listen-sdk.md shows, with a list of the calls that can be heard. */

const part = (id) => document.getElementById(id);

// What a person can do about an error; of the others it is enough to say what has happened.
const WAYS_ON = {
  audio_blocked: "Your browser blocks the sound. Press Listen once more.",
  lost: "The connection was lost. Press Listen to come back.",
  timeout: "That took too long. Press Listen to try again.",
  token_refused: "This call has ended, or you may not hear it.",
};

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

let session;
let lines;

/** Text is what strangers said: it goes through textContent, never innerHTML. */
function show({id, role, text, final}) {
  if (!lines.has(id)) lines.set(id, part("lines").appendChild(document.createElement("li")));
  const line = lines.get(id);
  line.textContent = `${role}: ${text}`;
  line.className = final ? "" : "interim"; // it is still being said
}

/** In a click, as browsers want one before they let a page sound. */
function hear() {
  notice("");
  if (session.getState() === "disconnected") session.connect().catch(tell);
  session.startAudio().catch(tell);
}

function mute(isMuted) {
  if (isMuted) session.mute();
  else session.unmute();
  part("mute").setAttribute("aria-pressed", String(session.isMuted()));
}

async function open({id, caller}) {
  await session?.end();
  lines = new Map();
  part("lines").replaceChildren();
  part("call").textContent = caller;
  part("session").hidden = false;
  session = AnyReach.listen({getToken: ({renews}) => listenerToken(id, renews)})
    .on("stateChange", (state) => {
      part("state").textContent = state;
      part("leave").disabled = state === "disconnected";
    })
    .on("transcript", show)
    .on("audioBlocked", () => notice("Press Listen to hear the call."))
    .on("agentDisconnected", () => notice("The agent has left the call."))
    .on("error", tell)
    .on("ended", () => (part("sound").textContent = "Listen again"));
  part("sound").textContent = "Listen";
  mute(false);
  hear();
}

async function list() {
  const calls = await (await fetch("/calls")).json();
  if (calls.length === 0) part("calls").textContent = "No call is live. Call an agent, then reload.";
  for (const call of calls) {
    const item = part("calls").appendChild(document.createElement("li"));
    const button = document.createElement("button");
    button.textContent = `Listen to ${call.caller}`;
    button.addEventListener("click", () => open(call));
    item.append(button);
  }
}

part("sound").addEventListener("click", hear);
part("mute").addEventListener("click", () => mute(!session.isMuted()));
part("leave").addEventListener("click", () => session.end());
list();
