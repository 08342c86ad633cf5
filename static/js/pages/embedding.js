/** The page Embedding: a try of the real SDK, as a customer's page would use it. */

import {mint} from "../core/minting.js";

const part = document.querySelector("#try");
const {organizationId, csrf} = part.dataset;
const [call, listen, mute, unmute, end, state, errors, lines] = [
  "call", "listen", "mute", "unmute", "end", "state", "errors", "lines",
].map((id) => part.querySelector(`#${id}`));

function show(now) {
  const isThere = now === "connecting" || now === "connected";
  state.textContent = now;
  listen.disabled = call.disabled = isThere;
  mute.disabled = unmute.disabled = now !== "connected";
  end.disabled = !isThere;
}

function showError({code, message}) {
  const item = document.createElement("p");
  const name = document.createElement("code");
  name.textContent = code ?? "error";
  item.append(name, " ", message);
  errors.append(item);
}

function showLine({id, role, text, final}) {
  const item = [...lines.children].find((each) => each.dataset.id === id) ?? document.createElement("li");
  const speaker = document.createElement("b");
  speaker.textContent = role;
  item.dataset.id = id;
  item.classList.toggle("interim", !final);
  item.replaceChildren(speaker, " ", text);
  const isAtEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 8;
  if (!item.isConnected) lines.append(item);
  lines.hidden = false;
  if (isAtEnd) lines.scrollTop = lines.scrollHeight;
}

async function hear(url) {
  // What a customer's own server does.
  const grant = (renews) => mint(url, {organizationId, csrf, renews});
  const session = window.AnyReach.listen({...(await grant()), getToken: ({renews}) => grant(renews)});
  session
    .on("stateChange", show)
    .on("transcript", showLine)
    .on("error", showError)
    .on("audioBlocked", () => showError({code: "audio_blocked", message: "Your browser wants another click: press Unmute."}));
  mute.onclick = () => session.mute();
  unmute.onclick = () => {
    session.unmute();
    session.startAudio().catch(() => {}); // told by the event
  };
  end.onclick = () => session.end();
  // A pending connect() rejects with what the event has told.
  await session.connect().then(() => session.startAudio()).catch(() => {});
}

listen.addEventListener("click", async () => {
  errors.replaceChildren();
  lines.replaceChildren();
  lines.hidden = true;
  show("connecting");
  try {
    await hear(call.value);
  } catch (error) {
    showError({code: error.status, message: error.message});
    show("idle");
  }
});
