import {ConnectionError, DisconnectReason, ParticipantKind, RoomEvent} from "livekit-client";
import {afterEach, beforeEach, describe, expect, test, vi} from "vitest";

import {Ear, lifeOf} from "../../static/js/livekit/ear.js";
import {FakeLiveKit, track} from "./fake-livekit.js";

const LIFE_S = 900;

/** A sound that plays as soon as it is told to. */
class FakeAudio extends EventTarget {
  muted = false;
  volume = 1;

  async play() {
    if (stagger) await new Promise((resolve) => setTimeout(resolve, stagger * sounds.indexOf(this)));
    if (isBlocking && !this.muted) throw Object.assign(new Error(), {name: "NotAllowedError"});
    this.dispatchEvent(new Event("playing"));
  }

  pause() {}
}

let livekit, ear, told, sounds, renew, packets, isBlocking, stagger;

function grant(identity) {
  const part = (claims) => Buffer.from(JSON.stringify(claims)).toString("base64url");
  const claims = {sub: identity, nbf: 1000, exp: 1000 + LIFE_S};
  return {url: "wss://livekit.test", token: `${part({})}.${part(claims)}.signature`};
}

beforeEach(() => {
  vi.useFakeTimers();
  sounds = [];
  packets = [{}];
  isBlocking = false;
  stagger = 0;
  vi.stubGlobal("MediaStream", class {});
  vi.stubGlobal("Audio", class extends FakeAudio {
    constructor() {
      super();
      sounds.push(this);
    }
  });
  livekit = new FakeLiveKit();
  livekit.onConnect = (room) => {
    const voice = track("TR_agent");
    room.join("agent", ParticipantKind.AGENT, voice);
    arrive(room, voice);
  };
  renew = vi.fn(async (identity) => grant(`${identity}+`));
  ear = new Ear({loadLiveKit: async () => livekit, grant: grant("listener-1"), renew});
  told = [];
  for (const type of ["state", "text"]) ear.addEventListener(type, ({detail}) => told.push(detail));
});

afterEach(() => {
  ear.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function arrive(room, voice) {
  const receiver = {getSynchronizationSources: () => packets};
  room.emit(RoomEvent.TrackSubscribed, {mediaStreamTrack: {}, receiver}, voice);
}

/** What an ear tells of this type from now on. */
function heard(type) {
  const details = [];
  ear.addEventListener(type, ({detail}) => details.push(detail));
  return details;
}

const states = () => told.filter(({state}) => state).map(({state, reason}) => reason ?? state);
const pass = (seconds) => vi.advanceTimersByTimeAsync(seconds * 1000);
const present = () => livekit.rooms.filter((room) => room.state === "connected");
const audible = () => sounds.filter((sound) => !sound.muted && sound.srcObject);
const refusal = (status) => Object.assign(new Error(), {status});

test("a token's life and name are read from its claims", () => {
  expect(lifeOf(grant("listener-ü?>").token)).toMatchObject({ms: LIFE_S * 1000});
  expect(lifeOf(grant("listener-1").token).identity).toBe("listener-1");
});

test("a listener starts muted, and is heard from when told so", async () => {
  await ear.start();
  expect(states()).toEqual(["connecting", "live"]);
  expect(audible()).toHaveLength(0);
  ear.listen();
  expect(audible()).toHaveLength(1);
  ear.mute();
  expect(audible()).toHaveLength(0);
});

test("Listen counts while we are still joining", async () => {
  const joining = ear.start();
  ear.listen();
  await joining;
  expect(audible()).toHaveLength(1);
});

test("who stops before the library is there never joins", async () => {
  const joining = ear.start();
  ear.stop();
  await joining;
  expect(livekit.rooms).toHaveLength(0);
  expect(states()).toEqual(["connecting", "stopped"]);
});

test.each([
  [new Error("no route"), "unreachable"],
  [ConnectionError.serverUnreachable("no route"), "unreachable"],
  [ConnectionError.notAllowed("invalid token", 401), "token_refused"],
])("a call that cannot be joined: %s is told as %s", async (error, reason) => {
  livekit.onConnect = () => {
    throw error;
  };
  await ear.start();
  expect(states()).toEqual(["connecting", reason]);
});

describe("joining", () => {
  let room, voice;

  beforeEach(() => {
    livekit.onConnect = (joined) => {
      room = joined;
      voice = track("TR_agent");
      room.join("agent", ParticipantKind.AGENT, voice);
    };
  });

  test("waits for the voices that are there", async () => {
    ear.start();
    await pass(1);
    expect(states()).toEqual(["connecting"]);
    arrive(room, voice);
    await pass(0.1);
    expect(states()).toEqual(["connecting", "live"]);
  });

  test("does not wait for ever", async () => {
    ear.start();
    await pass(3.1);
    expect(ear.state).toBe("live");
  });

  test("ends for who is put out meanwhile", async () => {
    const started = ear.start();
    await pass(1);
    room.throwOut(DisconnectReason.PARTICIPANT_REMOVED);
    await started;
    expect(states()).toEqual(["connecting", "revoked"]);
  });
});

describe("sound", () => {
  const [on, off] = [true, false].map((audible) => ({token: grant("listener-1").token, audible}));
  let told;

  beforeEach(() => (told = heard("sound")));

  test("is told where it begins and ceases", async () => {
    await ear.start();
    expect(told).toEqual([]);
    expect(await ear.listen()).toBe(true);
    expect(told).toEqual([on]);
    ear.mute();
    expect(told).toEqual([on, off]);
  });

  test("of who listens before joining begins with the call", async () => {
    ear.listen();
    expect(told).toEqual([]);
    await ear.start();
    await pass(0.1);
    expect(told).toEqual([on]);
  });

  test("goes over to the new token on a renewal, without a moment in which nobody has it", async () => {
    const joinAgent = livekit.onConnect;
    livekit.onConnect = (room) => {
      joinAgent(room);
      const second = track("TR_caller");
      room.join("caller", ParticipantKind.SIP, second);
      arrive(room, second);
    };
    await ear.start();
    stagger = 10;
    ear.listen();
    await pass(LIFE_S * 0.6 + 1);
    const next = {token: grant("listener-1+").token, audible: true};
    expect(told).toEqual([on, next, off]);
  });

  test("ceases while the connection is away", async () => {
    await ear.start();
    await ear.listen();
    livekit.rooms[0].emit(RoomEvent.Reconnecting);
    livekit.rooms[0].emit(RoomEvent.Reconnected);
    expect(told).toEqual([on, off, on]);
  });

  test("that the browser blocks is none", async () => {
    const blocked = heard("blocked");
    isBlocking = true;
    await ear.start();
    expect(await ear.listen()).toBe(false);
    expect(blocked).toHaveLength(1);
    expect(told).toEqual([]);
    isBlocking = false;
    expect(await ear.listen()).toBe(true);
    expect(told).toEqual([on]);
  });

  test("says nothing at the end, which the server knows", async () => {
    await ear.start();
    await ear.listen();
    await ear.stop();
    expect(told).toEqual([on]);
  });
});

test("the volume holds for voices now and later, and through renewals", async () => {
  ear.volume = 0.5;
  await ear.start();
  ear.volume = 0.25;
  arrive(livekit.rooms[0], track("TR_second"));
  await pass(LIFE_S * 0.6 + 1);
  expect(sounds.map(({volume}) => volume)).toEqual([0.25, 0.25, 0.25]);
});

test("whether it is muted is told, whoever changed it", async () => {
  const told = heard("muted");
  ear.listen();
  ear.mute();
  expect(told).toEqual([{muted: false}, {muted: true}]);
});

test("the quality is LiveKit's, lost while we reconnect, and back after", async () => {
  const told = heard("quality");
  await ear.start();
  const [room] = livekit.rooms;
  room.rate("excellent");
  room.rate("unknown");
  room.emit(RoomEvent.SignalReconnecting);
  room.emit(RoomEvent.Reconnecting);
  room.emit(RoomEvent.Reconnected);
  expect(told.map(({quality}) => quality)).toEqual(["excellent", "lost", "excellent"]);
});

describe("renewal", () => {
  test("joins with the new token before it leaves with the old, and sound goes over at once", async () => {
    await ear.start();
    ear.listen();
    await pass(LIFE_S * 0.6 - 1);
    expect(renew).not.toHaveBeenCalled();
    let heard;
    livekit.rooms[0].once(RoomEvent.Disconnected, () => (heard = audible().length));
    await pass(2);
    expect(renew).toHaveBeenCalledExactlyOnceWith("listener-1");
    expect(heard).toBe(1);
    expect(present()).toEqual([livekit.rooms[1]]);
    expect(ear.identity).toBe("listener-1+");
    expect(states()).toEqual(["connecting", "live"]);
  });

  test("lets the old connection sound until something has arrived on the new", async () => {
    await ear.start();
    ear.listen();
    packets = [];
    await pass(LIFE_S * 0.6 + 1);
    expect(present()).toHaveLength(2);
    expect(audible()).toEqual([sounds[0]]);
    packets = [{}];
    await pass(1);
    expect(audible()).toEqual([sounds[1]]);
    expect(present()).toHaveLength(1);
  });

  test("of who hears nothing waits for no sound", async () => {
    await ear.start();
    packets = [];
    await pass(LIFE_S * 0.6 + 1);
    expect(present()).toEqual([livekit.rooms[1]]);
  });

  test("that is thrown out before it is heard leaves the sound where it was", async () => {
    await ear.start();
    ear.listen();
    packets = [];
    await pass(LIFE_S * 0.6 + 1);
    livekit.rooms[1].throwOut(DisconnectReason.SERVER_SHUTDOWN);
    packets = [{}];
    await pass(0.5);
    expect(audible()).toEqual([sounds[0]]);
    await pass(2);
    expect(renew).toHaveBeenCalledTimes(2);
    expect(present()).toEqual([livekit.rooms[2]]);
    expect(audible()).toEqual([sounds[2]]);
  });

  test("goes on for as long as the call", async () => {
    await ear.start();
    await pass(LIFE_S * 5);
    expect(renew).toHaveBeenCalledTimes(8);
    expect(present()).toHaveLength(1);
    expect(ear.state).toBe("live");
  });

  test("keeps the old connection until the sentence that only it reads is over", async () => {
    await ear.start();
    const stream = livekit.rooms[0].write("agent", {"lk.segment_id": "S"});
    stream.write("One ");
    await pass(LIFE_S * 0.6 + 1);
    expect(present()).toHaveLength(2);
    stream.write("moment.");
    stream.end({"lk.transcription_final": "true"});
    await pass(1);
    expect(told.at(-1)).toMatchObject({text: "One moment.", final: true});
    expect(present()).toHaveLength(1);
  });

  test("asks again while the network is away, less and less often", async () => {
    renew.mockRejectedValue(new TypeError("Failed to fetch"));
    await ear.start();
    await pass(LIFE_S * 0.6 + 60);
    expect(renew.mock.calls.length).toBeGreaterThan(4);
    expect(renew.mock.calls.length).toBeLessThan(10);
    renew.mockResolvedValue(grant("listener-2"));
    await pass(20);
    expect(ear.identity).toBe("listener-2");
    expect(ear.state).toBe("live");
  });

  test("is told when it is done", async () => {
    const told = heard("renewed");
    await ear.start();
    await pass(LIFE_S * 2);
    expect(told).toHaveLength(3);
  });

  test("is told once each time it has trouble", async () => {
    const told = heard("unrenewed");
    renew.mockRejectedValueOnce(new Error()).mockRejectedValueOnce(new Error());
    await ear.start();
    await pass(LIFE_S * 0.6 + 10);
    expect(told).toHaveLength(1);
    expect(ear.identity).toBe("listener-1+");
    renew.mockRejectedValueOnce(new Error());
    await pass(LIFE_S * 0.6);
    expect(told).toHaveLength(2);
  });

  test("that never comes ends the listening", async () => {
    renew.mockRejectedValue(new TypeError("Failed to fetch"));
    await ear.start();
    await pass(LIFE_S);
    expect(states().at(-1)).toBe("expired");
    expect(present()).toHaveLength(0);
  });

  test.each([[403, "revoked"], [401, "revoked"], [404, "ended"], [409, "ended"]])(
    "that is refused with %i says %s",
    async (status, reason) => {
      renew.mockRejectedValue(refusal(status));
      await ear.start();
      await pass(LIFE_S * 0.6 + 1);
      expect(states().at(-1)).toBe(reason);
      expect(renew).toHaveBeenCalledOnce();
    },
  );

  test("brings back who was about to reconnect", async () => {
    await ear.start();
    livekit.rooms[0].restart();
    expect(ear.state).toBe("reconnecting");
    await pass(LIFE_S * 0.6 + 1);
    expect(ear.state).toBe("live");
  });

  test("stopped half-way leaves nobody behind", async () => {
    let answer;
    renew.mockReturnValue(new Promise((resolve) => (answer = resolve)));
    await ear.start();
    await pass(LIFE_S * 0.6 + 1);
    ear.stop();
    answer(grant("listener-2"));
    await pass(10);
    expect(present()).toHaveLength(0);
  });
});

describe("the end", () => {
  test("comes when the agent leaves", async () => {
    await ear.start();
    livekit.rooms[0].join("caller", ParticipantKind.SIP);
    livekit.rooms[0].leave("agent");
    await pass(0);
    expect(told.at(-1)).toEqual({state: "ended", reason: "agentleft", identity: "agent"});
    expect(present()).toHaveLength(0);
  });

  test.each([["PARTICIPANT_REMOVED", "revoked"], ["ROOM_CLOSED", "ended"], ["SIGNAL_CLOSE", "lost"]])(
    "%s is told as %s",
    async (reason, word) => {
      await ear.start();
      livekit.rooms[0].throwOut(DisconnectReason[reason]);
      expect(states().at(-1)).toBe(word);
    },
  );

  test.each([["call_ended", "ended"], ["expired", "expired"], ["revoked", "revoked"], ["", "revoked"]])(
    "of who was put out is what the server says: %s is told as %s",
    async (howEnded, reason) => {
      const explain = vi.fn(async () => howEnded);
      ear = new Ear({loadLiveKit: async () => livekit, grant: grant("listener-2"), explain});
      const told = heard("state");
      await ear.start();
      livekit.rooms[0].throwOut(DisconnectReason.PARTICIPANT_REMOVED);
      await pass(0);
      expect(explain).toHaveBeenCalledExactlyOnceWith(grant("listener-2").token);
      expect(told.at(-1).reason).toBe(reason);
    },
  );

  test("of who was put out is revoked when the server does not answer", async () => {
    const explain = () => Promise.reject(new TypeError("Failed to fetch"));
    ear = new Ear({loadLiveKit: async () => livekit, grant: grant("listener-2"), explain});
    await ear.start();
    const told = heard("state");
    livekit.rooms[0].throwOut(DisconnectReason.PARTICIPANT_REMOVED);
    await pass(0);
    expect(told.at(-1).reason).toBe("revoked");
  });

  test("has come once LiveKit is left, by every connection", async () => {
    await ear.start();
    livekit.rooms[0].write("agent", {"lk.segment_id": "S"});
    await pass(LIFE_S * 0.6 + 1);
    expect(present()).toHaveLength(2);
    await ear.stop();
    expect(present()).toHaveLength(0);
  });

  test("is told once", async () => {
    await ear.start();
    ear.stop();
    ear.stop("ended");
    expect(states()).toEqual(["connecting", "live", "stopped"]);
  });
});
