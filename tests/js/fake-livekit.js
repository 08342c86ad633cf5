/** A livekit-client without a network: rooms whose people, tracks and text a test moves. */

import {EventEmitter} from "node:events";

import {
  ConnectionError, ConnectionErrorReason, ConnectionState, DisconnectReason, ParticipantKind, RoomEvent, Track,
} from "livekit-client";

export class FakeLiveKit {
  ConnectionError = ConnectionError;
  ConnectionErrorReason = ConnectionErrorReason;
  ConnectionState = ConnectionState;
  DisconnectReason = DisconnectReason;
  ParticipantKind = ParticipantKind;
  RoomEvent = RoomEvent;
  Track = Track;
  /** @type {FakeRoom[]} in the order in which they were made */
  rooms = [];
  /** What a new room does when it is told to connect. @type {(room: FakeRoom) => void} */
  onConnect = () => {};

  constructor() {
    const livekit = this;
    this.Room = class extends FakeRoom {
      constructor() {
        super();
        livekit.rooms.push(this);
      }

      async connect(url, token, options) {
        livekit.onConnect(this);
        Object.assign(this, {token, options, state: ConnectionState.Connected});
      }
    };
  }
}

class FakeRoom extends EventEmitter {
  state = ConnectionState.Disconnected;
  remoteParticipants = new Map();
  incomingDataStreamManager = {textStreamControllers: new Map(), handleDataStreamPacket() {}};
  #readers = new Map();

  registerTextStreamHandler(topic, handler) {
    if (this.state === ConnectionState.Connected) throw new Error("Streams before this are lost.");
    this.#readers.set(topic, handler);
  }

  async disconnect() {
    this.state = ConnectionState.Disconnected;
    this.emit(RoomEvent.Disconnected, DisconnectReason.CLIENT_INITIATED);
  }

  join(identity, kind, ...tracks) {
    const publications = new Map(tracks.map((track) => [track.trackSid, track]));
    const participant = {
      identity, kind, isSpeaking: false, audioLevel: 0, trackPublications: publications,
      audioTrackPublications: new Map([...publications].filter(([, track]) => track.kind === Track.Kind.Audio)),
    };
    this.remoteParticipants.set(identity, participant);
    return participant;
  }

  leave(identity) {
    const participant = this.remoteParticipants.get(identity);
    this.remoteParticipants.delete(identity);
    this.emit(RoomEvent.ParticipantDisconnected, participant);
  }

  /** As livekit-client 2.23 does it: people first, the state after. */
  restart() {
    for (const identity of [...this.remoteParticipants.keys()]) this.leave(identity);
    this.state = ConnectionState.Reconnecting;
    this.emit(RoomEvent.Reconnecting);
  }

  comeBack() {
    this.state = ConnectionState.Connected;
    this.emit(RoomEvent.Reconnected);
  }

  /** LiveKit tells how good a link is: ours, or somebody else's. */
  rate(quality, {isLocal = true} = {}) {
    this.emit(RoomEvent.ConnectionQualityChanged, quality, {isLocal});
  }

  throwOut(reason) {
    this.state = ConnectionState.Disconnected;
    this.emit(RoomEvent.Disconnected, reason);
  }

  /** Open a text stream from `sender`. */
  write(sender, attributes) {
    const stream = new FakeStream({id: "stream", attributes});
    this.#readers.get("lk.transcription")(stream, {identity: sender});
    return stream;
  }
}

class FakeStream {
  #waiting = [];
  #wake = () => {};

  constructor(info) {
    this.info = info;
  }

  write(text) {
    this.#put({text});
  }

  end(trailer = {}) {
    this.info = {...this.info, attributes: {...this.info.attributes, ...trailer}};
    this.#put({over: true});
  }

  cut() {
    this.#put({error: new Error("The sender is gone.")});
  }

  async *[Symbol.asyncIterator]() {
    for (;;) {
      while (this.#waiting.length === 0) await new Promise((resolve) => (this.#wake = resolve));
      const {text, over, error} = this.#waiting.shift();
      if (error) throw error;
      if (over) return;
      yield text;
    }
  }

  #put(part) {
    this.#waiting.push(part);
    this.#wake();
  }
}

/** @returns a publication that remembers whether it is subscribed to */
export function track(trackSid, kind = Track.Kind.Audio) {
  return {
    trackSid, kind, isMuted: false, subscribed: false,
    setSubscribed(on) {
      this.subscribed = on;
    },
  };
}
