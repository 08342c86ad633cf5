import {DisconnectReason, ParticipantKind, RoomEvent, Track} from "livekit-client";
import {afterEach, beforeEach, describe, expect, test, vi} from "vitest";

import {Connection} from "../../static/js/livekit/connection.js";
import {FakeLiveKit, track} from "./fake-livekit.js";

const CALLER = "caller";
const AGENT = "agent";

let room, connection, told;

const settle = () => new Promise((resolve) => setTimeout(resolve));
const types = () => told.map(({type}) => type);
const texts = () => told.filter(({type}) => type === "text").map(({detail}) => detail);

beforeEach(async () => {
  const livekit = new FakeLiveKit();
  connection = new Connection(livekit, {url: "wss://livekit.test", token: "t"});
  [room] = livekit.rooms;
  told = [];
  for (const type of ["text", "agentleft", "reconnecting", "reconnected", "closed"]) {
    connection.addEventListener(type, (event) => told.push(event));
  }
  room.join(CALLER, ParticipantKind.SIP, track("TR_caller"), track("TR_video", Track.Kind.Video));
  room.join(AGENT, ParticipantKind.AGENT, track("TR_agent"));
  await connection.open();
});

const subscribed = (identity) =>
  [...room.remoteParticipants.get(identity).trackPublications.values()]
    .filter((publication) => publication.subscribed)
    .map((publication) => publication.trackSid);

test("voices are subscribed to, video never", () => {
  expect(room.options).toEqual({autoSubscribe: false});
  expect(subscribed(CALLER)).toEqual(["TR_caller"]);
  expect(subscribed(AGENT)).toEqual(["TR_agent"]);
});

test("voices are asked for before media is set up", () => {
  room.join("late", ParticipantKind.SIP, track("TR_late"));
  room.emit(RoomEvent.SignalConnected);
  expect(subscribed("late")).toEqual(["TR_late"]);
});

test("a voice is as loud as LiveKit says while it speaks, and silent otherwise", () => {
  Object.assign(room.remoteParticipants.get(AGENT), {isSpeaking: true, audioLevel: 0.4});
  room.remoteParticipants.get(CALLER).audioLevel = 0.2;
  expect(connection.voices()).toEqual([
    {identity: CALLER, role: "user", level: 0, forbidden: false},
    {identity: AGENT, role: "agent", level: 0.4, forbidden: false},
  ]);
});

test("a voice that its owner lets nobody hear is told as such", () => {
  room.remoteParticipants.get(CALLER).audioTrackPublications.get("TR_caller").permissionStatus = "not_allowed";
  expect(connection.voices().map(({forbidden}) => forbidden)).toEqual([true, false]);
});

test("voices have come once those that may be heard are subscribed to", () => {
  expect(connection.isSubscribed).toBe(false);
  for (const {audioTrackPublications} of room.remoteParticipants.values()) {
    for (const publication of audioTrackPublications.values()) publication.permissionStatus = "not_allowed";
  }
  expect(connection.isSubscribed).toBe(true);
});

test("the quality that is told is our own", () => {
  const qualities = [];
  connection.addEventListener("quality", ({detail}) => qualities.push(detail.quality));
  room.rate("poor");
  room.rate("lost", {isLocal: false});
  expect(qualities).toEqual(["poor"]);
});

test("only voices that could be heard are waited for", () => {
  expect(connection.isReady).toBe(false);
  room.remoteParticipants.get(CALLER).audioTrackPublications.get("TR_caller").permissionStatus = "not_allowed";
  room.remoteParticipants.get(AGENT).audioTrackPublications.get("TR_agent").isMuted = true;
  expect(connection.isReady).toBe(true);
});

describe("who speaks", () => {
  const spoken = async (sender, trackSid) => {
    const stream = room.write(sender, {"lk.segment_id": "S", "lk.transcribed_track_id": trackSid});
    stream.write("Hello");
    await settle();
    return texts().at(-1);
  };

  test("an agent may quote the caller", async () => {
    expect(await spoken(AGENT, "TR_caller")).toMatchObject({role: "user", speaker: CALLER});
  });

  test("a caller cannot put words into the agent's mouth", async () => {
    expect(await spoken(CALLER, "TR_agent")).toMatchObject({role: "user", speaker: CALLER});
  });

  test("a dialled human is not taken for the caller", async () => {
    room.join("human-1", ParticipantKind.SIP, track("TR_human"));
    expect(await spoken("human-1", "TR_human")).toMatchObject({role: "human"});
  });

  test("a sender whom nobody knows stays unknown", async () => {
    expect(await spoken("stranger")).toMatchObject({role: "unknown", speaker: "stranger"});
  });
});

describe("text", () => {
  test("grows as it is written and is final by its trailer", async () => {
    const stream = room.write(AGENT, {"lk.segment_id": "S", "lk.transcription_final": "false"});
    stream.write("One ");
    stream.write("moment.");
    await settle();
    expect(connection.isReading).toBe(true);
    stream.end({"lk.transcription_final": "true"});
    await settle();
    expect(texts().map(({text, final}) => [text, final])).toEqual([
      ["One ", false], ["One moment.", false], ["One moment.", true],
    ]);
    expect(connection.isReading).toBe(false);
  });

  test("is cut when its sender vanishes", async () => {
    const stream = room.write(AGENT, {"lk.segment_id": "S"});
    stream.write("One ");
    stream.cut();
    await settle();
    expect(texts().at(-1)).toMatchObject({type: "cut", segment_id: "S", speaker: AGENT});
  });
});

test("text that breaks off because we ourselves dropped out is not taken for cut", async () => {
  const stream = room.write(AGENT, {"lk.segment_id": "S"});
  stream.write("One ");
  stream.cut();
  room.restart();
  await settle();
  expect(texts().map(({type}) => type)).toEqual(["text"]);
});

describe("the agent leaves", () => {
  test("and the call is over", async () => {
    room.leave(AGENT);
    await settle();
    expect(types()).toEqual(["agentleft"]);
    expect(told[0].detail).toEqual({identity: AGENT});
  });

  test("behind the caller, and the call has ended", async () => {
    room.leave(CALLER);
    room.leave(AGENT);
    await settle();
    expect(types()).toEqual(["closed"]);
    expect(told[0].detail.reason).toBe("ended");
  });

  test("but another agent goes on", async () => {
    room.join("agent-2", ParticipantKind.AGENT);
    room.leave(AGENT);
    await settle();
    expect(types()).toEqual([]);
  });

  test("and our own desk is no other agent", async () => {
    room.join("desk-1", ParticipantKind.AGENT, track("TR_hold"));
    expect(connection.voices().map(({identity}) => identity)).toEqual([CALLER, AGENT]);
    room.leave(AGENT);
    await settle();
    expect(types()).toEqual(["agentleft"]);
  });

  test("but a human has taken the call", async () => {
    room.join("human-1", ParticipantKind.SIP);
    room.leave(AGENT);
    await settle();
    expect(types()).toEqual([]);
  });

  test("only as it seems, while we ourselves come back", async () => {
    room.restart();
    await settle();
    room.join(AGENT, ParticipantKind.AGENT, track("TR_agent2"));
    room.comeBack();
    expect(types()).toEqual(["reconnecting", "reconnected"]);
    expect(subscribed(AGENT)).toEqual(["TR_agent2"]);
  });
});

describe("while we ourselves were away", () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  const away = async () => {
    room.restart();
    await vi.advanceTimersByTimeAsync(0);
  };

  test("the agent has left, and is missed once it had time to return", async () => {
    await away();
    room.join(CALLER, ParticipantKind.SIP);
    room.comeBack();
    await vi.advanceTimersByTimeAsync(29_000);
    expect(types()).toEqual(["reconnecting", "reconnected"]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(types()).toEqual(["reconnecting", "reconnected", "agentleft"]);
    expect(told.at(-1).detail).toEqual({identity: AGENT});
  });

  test("the agent was too, and returns after us", async () => {
    await away();
    room.join(CALLER, ParticipantKind.SIP);
    room.comeBack();
    await vi.advanceTimersByTimeAsync(20_000);
    room.join(AGENT, ParticipantKind.AGENT);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(types()).toEqual(["reconnecting", "reconnected"]);
  });

  test("a second time, the agent is waited for anew", async () => {
    await away();
    room.comeBack();
    await vi.advanceTimersByTimeAsync(10_000);
    await away();
    await vi.advanceTimersByTimeAsync(25_000);
    room.join(CALLER, ParticipantKind.SIP);
    room.comeBack();
    await vi.advanceTimersByTimeAsync(29_000);
    expect(types()).not.toContain("agentleft");
    await vi.advanceTimersByTimeAsync(1000);
    expect(types().at(-1)).toBe("agentleft");
  });
});

test("leaving by ourselves is nobody's news", async () => {
  await connection.close();
  expect(types()).toEqual([]);
});

test.each([
  ["PARTICIPANT_REMOVED", "revoked"],
  ["ROOM_DELETED", "ended"],
  ["ROOM_CLOSED", "ended"],
  ["DUPLICATE_IDENTITY", "replaced"],
  ["SIGNAL_CLOSE", "lost"],
])("%s means %s", (reason, meaning) => {
  room.throwOut(DisconnectReason[reason]);
  expect(told.at(-1).detail.reason).toBe(meaning);
});
