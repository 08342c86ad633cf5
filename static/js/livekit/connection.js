/**
 * One hidden connection to a room: hears its voices, reads its text, publishes nothing.
 *
 * Events: "text" {detail: TextEvent | CutEvent}, "agentleft" {detail: {identity}}, "blocked",
 * "forbidden" {detail: {identity}}, "reconnecting", "reconnected", "closed" {detail: {reason}}.
 *
 * @typedef {{url: string, token: string}} Grant
 * @typedef {{identity: string, role: "user" | "agent" | "human" | "unknown", level: number}} Voice
 */

const TRANSCRIPTION = "lk.transcription";
const HUMAN_PREFIX = "human-";

export class Connection extends EventTarget {
  #room;
  #livekit;
  #grant;
  #sounds = new Map();
  #open = new Set();
  #audible = false;
  #leaving = false;

  /** @param {typeof import("livekit-client")} livekit @param {Grant} grant */
  constructor(livekit, grant) {
    super();
    this.#livekit = livekit;
    this.#grant = grant;
    this.#room = new livekit.Room({adaptiveStream: false, dynacast: false});
    this.#listen();
  }

  /** Join. Rejects with LiveKit's ConnectionError. */
  async open() {
    // Subscribing to video would be noticed by whoever publishes it.
    await this.#room.connect(this.#grant.url, this.#grant.token, {autoSubscribe: false});
    this.#subscribeAll();
  }

  async close() {
    this.#leaving = true;
    for (const sound of this.#sounds.values()) silence(sound);
    this.#sounds.clear();
    await this.#room.disconnect();
  }

  get audible() {
    return this.#audible;
  }

  /** Whether this tab plays what the connection hears. Turned on in a click, browsers allow it. */
  set audible(on) {
    this.#audible = on;
    for (const sound of this.#sounds.values()) this.#play(sound);
  }

  /** Who could be heard now, and how loud they are, from 0 to 1. @returns {Voice[]} */
  voices() {
    return [...this.#room.remoteParticipants.values()]
      .filter((participant) => participant.audioTrackPublications.size > 0)
      .map((participant) => ({
        identity: participant.identity,
        role: this.#roleOf(participant),
        level: participant.isSpeaking ? participant.audioLevel : 0,
      }));
  }

  /** Whether every voice that is there arrives and is ready to be heard. */
  get isReady() {
    const wanted = [...this.#room.remoteParticipants.values()].flatMap((participant) =>
      [...participant.audioTrackPublications.values()].filter((publication) => !publication.isMuted),
    );
    return wanted.every((publication) => this.#sounds.get(publication.trackSid)?.dataset.plays);
  }

  /** Whether somebody is in the middle of a sentence whose text only comes here. */
  get isReading() {
    return this.#open.size > 0;
  }

  #listen() {
    const {RoomEvent, ParticipantKind} = this.#livekit;
    // Before connecting: a stream without a handler is dropped.
    this.#room.registerTextStreamHandler(TRANSCRIPTION, (reader, {identity}) => this.#read(reader, identity));
    this.#room
      .on(RoomEvent.TrackPublished, (publication) => this.#subscribe(publication))
      .on(RoomEvent.TrackSubscribed, (track, publication) => this.#hear(track, publication))
      .on(RoomEvent.TrackUnsubscribed, (track, publication) => this.#unhear(publication.trackSid))
      .on(RoomEvent.TrackSubscriptionPermissionChanged, (publication, status, participant) => {
        if (status === "not_allowed") this.#tell("forbidden", {identity: participant.identity});
      })
      .on(RoomEvent.ParticipantDisconnected, (participant) => {
        if (participant.kind === ParticipantKind.AGENT) this.#missAgent(participant.identity);
      })
      .on(RoomEvent.SignalReconnecting, () => this.#tell("reconnecting"))
      .on(RoomEvent.Reconnecting, () => this.#tell("reconnecting"))
      .on(RoomEvent.Reconnected, () => {
        this.#subscribeAll();
        this.#tell("reconnected");
      })
      .on(RoomEvent.Disconnected, (reason) => this.#closed(reason));
  }

  #tell(type, detail = {}) {
    if (!this.#leaving) this.dispatchEvent(new CustomEvent(type, {detail}));
  }

  #closed(reason) {
    for (const sound of this.#sounds.values()) silence(sound);
    this.#sounds.clear();
    this.#tell("closed", {reason: reasonOf(this.#livekit.DisconnectReason, reason)});
  }

  /** The call is over for us once no agent is left, unless a human has taken it. */
  async #missAgent(identity) {
    // When we ourselves drop out, everybody seems to leave just before the room's state says so.
    await Promise.resolve();
    const {ParticipantKind, ConnectionState} = this.#livekit;
    const others = [...this.#room.remoteParticipants.values()];
    const goesOn = others.some((each) => each.kind === ParticipantKind.AGENT || isHuman(each));
    if (this.#room.state === ConnectionState.Connected && !goesOn) this.#tell("agentleft", {identity});
  }

  #subscribeAll() {
    for (const participant of this.#room.remoteParticipants.values()) {
      for (const publication of participant.trackPublications.values()) this.#subscribe(publication);
    }
  }

  #subscribe(publication) {
    if (publication.kind === this.#livekit.Track.Kind.Audio) publication.setSubscribed(true);
  }

  #hear(track, publication) {
    const sound = new Audio();
    sound.srcObject = new MediaStream([track.mediaStreamTrack]);
    sound.addEventListener("playing", () => (sound.dataset.plays = "yes"), {once: true});
    this.#unhear(publication.trackSid);
    this.#sounds.set(publication.trackSid, sound);
    this.#play(sound);
  }

  #unhear(trackSid) {
    const sound = this.#sounds.get(trackSid);
    if (sound) silence(sound);
    this.#sounds.delete(trackSid);
  }

  async #play(sound) {
    sound.muted = !this.#audible;
    try {
      await sound.play();
    } catch (error) {
      if (error.name === "NotAllowedError" && this.#audible) this.#tell("blocked");
    }
  }

  async #read(reader, sender) {
    const {attributes = {}, id} = reader.info;
    const segment = attributes["lk.segment_id"] ?? id;
    const speaker = this.#speaker(sender, attributes["lk.transcribed_track_id"]);
    const text = (whole, final) => ({
      type: "text", segment_id: segment, ...speaker, text: whole, final, at: Date.now(),
    });
    let whole = "";
    this.#open.add(reader);
    try {
      for await (const chunk of reader) {
        whole += chunk;
        this.#tell("text", text(whole, false));
      }
      // An agent's stream says only in its trailer that it is final.
      const final = reader.info.attributes?.["lk.transcription_final"] === "true";
      this.#tell("text", text(whole, final));
    } catch {
      this.#tell("text", {type: "cut", segment_id: segment, at: Date.now()});
    } finally {
      this.#open.delete(reader);
    }
  }

  /** The transcribed track's owner, if the sender may speak for it; else the sender. */
  #speaker(sender, trackSid) {
    const sent = this.#room.remoteParticipants.get(sender);
    const mayQuote = sent?.kind === this.#livekit.ParticipantKind.AGENT;
    const owner = [...this.#room.remoteParticipants.values()].find((each) => each.trackPublications.has(trackSid));
    const who = owner && (mayQuote || owner === sent) ? owner : sent;
    return {speaker: who?.identity ?? sender, role: who ? this.#roleOf(who) : "unknown"};
  }

  #roleOf(participant) {
    const {ParticipantKind} = this.#livekit;
    if (isHuman(participant)) return "human";
    if (participant.kind === ParticipantKind.AGENT) return "agent";
    const callers = [ParticipantKind.STANDARD, ParticipantKind.SIP];
    return callers.includes(participant.kind) ? "user" : "unknown";
  }
}

function isHuman({identity}) {
  return identity.startsWith(HUMAN_PREFIX);
}

function silence(sound) {
  sound.pause();
  sound.srcObject = null;
}

/** @returns {"revoked" | "ended" | "replaced" | "lost"} */
function reasonOf(DisconnectReason, reason) {
  switch (reason) {
    case DisconnectReason.PARTICIPANT_REMOVED:
      return "revoked";
    case DisconnectReason.ROOM_DELETED:
    case DisconnectReason.ROOM_CLOSED:
      return "ended";
    case DisconnectReason.DUPLICATE_IDENTITY:
      return "replaced";
    default:
      return "lost";
  }
}
