/** The page that a customer's page holds in an iframe: hears a call for it, with or without a panel. */

import {SnoopPanelElement} from "../elements/snoop-panel.js";
import {Ear} from "../livekit/ear.js";
import {loadLiveKit} from "../livekit/library.js";
import {awaitGreeting, Frame} from "../sdk/frame.js";

const page = document.querySelector("#listen-frame");
const {embed, livekit, refusal} = page.dataset;
const origins = JSON.parse(document.querySelector("#allowed-origins")?.textContent ?? "[]");

function makePanel() {
  SnoopPanelElement.define();
  const panel = document.createElement("anyreach-snoop-panel");
  page.replaceChildren(panel);
  return panel;
}

awaitGreeting(window, {refusal, origins}, (port, origin) => {
  const panel = new URLSearchParams(location.search).has("panel") ? makePanel() : undefined;
  const makeEar = (given) => new Ear({loadLiveKit, ...given});
  const frame = new Frame({port, origin, embed, livekit, makeEar, fetch, panel});
  addEventListener("pagehide", () => frame.leave());
});

/** A browser takes its time over its first room and connection: let it be before one is asked for. */
async function warmUp() {
  const {Room} = await loadLiveKit();
  new Room();
  const connection = new RTCPeerConnection();
  connection.addTransceiver("audio", {direction: "recvonly"});
  await connection.createOffer();
  connection.close();
}

// Meanwhile; who needs it then hears of a failure.
if (!refusal) warmUp().catch(() => {});
