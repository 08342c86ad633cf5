/**
 * One hidden connection to a room: hears its voices, reads its text, publishes nothing.
 *
 * Events: "text" {detail: TextEvent | CutEvent}, "agentleft" {detail: {identity}}, "voice" when one has
 * come, "played" when it is known of every sound whether the browser lets it play, "blocked" when it
 * does not, "quality" {detail: {quality}} of our own link, "reconnecting", "reconnected", "closed"
 * {detail: {reason}} once it had joined.
 *
 * @typedef {{url: string, token: string}} Grant
 *
 * @typedef {object} Voice
 * @property {string} identity
 * @property {"user" | "agent" | "human" | "unknown"} role
 * @property {number} level how loud, from 0 to 1
 * @property {boolean} forbidden its owner lets nobody hear it
 */

import {readOnlySenders} from "./senders.js";
import {Sound} from "./sound.js";

const TRANSCRIPTION = "lk.transcription";
const HUMAN_PREFIX = "human-";
/** Ours, between a caller on hold and the human who is called: no voice of the call. */
const DESK_PREFIX = "desk-";
/** What cut us off may have cut off the agent too, who may return after us. */
const AGENT_BACK_WITHIN_MS = 30_000;

export class Connection extends EventTarget {
  #room;
  #livekit;
  #grant;
  #sounds = new Map();
  #open = new Set();
  #audible = false;
  #starting = 0;
  #volume = 1;
  #hasJoined = false;
  #leaving = false;
  #missedAgent = null;
  #patience;

  /** @param {typeof import("livekit-client")} livekit @param {Grant} grant */
  constructor(livekit, grant) {
    super();
    this.#livekit = livekit;
    this.#grant = grant;
    this.#room = new livekit.Room({adaptiveStream: false, dynacast: false});
    this.#listen();
  }

  get token() {
    return this.#grant.token;
  }

  /** Join. Rejects with LiveKit's ConnectionError. */
  async open() {
    // Subscribing to video would be noticed by whoever publishes it.
    await this.#room.connect(this.#grant.url, this.#grant.token, {autoSubscribe: false});
    this.#hasJoined = true;
    this.#subscribeAll();
  }

  async close() {
    this.#leaving = true;
    clearTimeout(this.#patience);
    this.#fallSilent();
    await this.#room.disconnect();
  }

  /**
   * Play in this tab what the connection hears, or only let it run on. Made audible in a click,
   * browsers allow it. Resolves when it is known whether they do.
   */
  async play({audible}) {
    this.#audible = audible;
    await Promise.all([...this.#sounds.values()].map((sound) => this.#play(sound)));
  }

  /** @param {number} volume from 0 to 1, of what is heard now and later */
  set volume(volume) {
    this.#volume = volume;
    for (const sound of this.#sounds.values()) sound.volume = volume;
  }

  /** Whether all that came so far comes out of this tab. */
  get isHeard() {
    return this.#audible && [...this.#sounds.values()].every((sound) => sound.isHeard);
  }

  /** Who could be heard now, and how loud they were since this was last asked. @returns {Voice[]} */
  voices() {
    return this.#parties
      .filter((participant) => participant.audioTrackPublications.size > 0)
      .map((participant) => {
        const publications = [...participant.audioTrackPublications.values()];
        return {
          identity: participant.identity,
          role: this.#roleOf(participant),
          level: Math.max(...publications.map((publication) => this.#levelOf(publication, participant))),
          forbidden: publications.some(isForbidden),
        };
      });
  }

  /** Whether it has joined, and neither left nor been put out. */
  get isOpen() {
    return this.#room.state !== this.#livekit.ConnectionState.Disconnected;
  }

  /** Whether every voice that may be heard has come to us. */
  get isSubscribed() {
    return this.#permitted.every(({trackSid}) => this.#sounds.has(trackSid));
  }

  /** Whether every voice that may be heard would be heard now. */
  get isReady() {
    return this.#permitted
      .filter((publication) => !publication.isMuted)
      .every(({trackSid}) => this.#sounds.get(trackSid)?.isReady);
  }

  /** Whether somebody is in the middle of a sentence whose text only comes here. */
  get isReading() {
    return this.#open.size > 0;
  }

  get #parties() {
    return [...this.#room.remoteParticipants.values()].filter(({identity}) => !identity.startsWith(DESK_PREFIX));
  }

  get #permitted() {
    return this.#parties
      .flatMap((participant) => [...participant.audioTrackPublications.values()])
      .filter((publication) => !isForbidden(publication));
  }

  #listen() {
    const {RoomEvent, ParticipantKind} = this.#livekit;
    readOnlySenders(this.#room, (identity) => this.#isAgent(identity));
    // Before connecting: a stream without a handler is dropped.
    this.#room.registerTextStreamHandler(TRANSCRIPTION, (reader, {identity}) => this.#read(reader, identity));
    this.#room
      // Media is set up once, with the voices in it, when they are asked for before it is.
      .on(RoomEvent.SignalConnected, () => this.#subscribeAll())
      .on(RoomEvent.TrackPublished, (publication) => this.#subscribe(publication))
      .on(RoomEvent.TrackSubscribed, (track, publication) => this.#hear(track, publication))
      .on(RoomEvent.TrackUnsubscribed, (track, publication) => this.#unhear(publication.trackSid))
      .on(RoomEvent.ParticipantDisconnected, (participant) => {
        if (participant.kind === ParticipantKind.AGENT) this.#missAgent(participant);
      })
      .on(RoomEvent.ConnectionQualityChanged, (quality, participant) => {
        if (participant.isLocal) this.#tell("quality", {quality});
      })
      .on(RoomEvent.SignalReconnecting, () => this.#tell("reconnecting"))
      .on(RoomEvent.Reconnecting, () => this.#tell("reconnecting"))
      .on(RoomEvent.Reconnected, () => {
        this.#subscribeAll();
        this.#awaitAgent();
        this.#tell("reconnected");
      })
      .on(RoomEvent.Disconnected, (reason) => this.#closed(reason));
  }

  get #isConnected() {
    return this.#room.state === this.#livekit.ConnectionState.Connected;
  }

  #tell(type, detail = {}) {
    if (!this.#leaving) this.dispatchEvent(new CustomEvent(type, {detail}));
  }

  #closed(reason) {
    this.#fallSilent();
    if (this.#hasJoined) this.#tell("closed", {reason: reasonOf(this.#livekit.DisconnectReason, reason)});
  }

  /** The call is over for us once no agent is left, unless a human has taken it. */
  async #missAgent(agent) {
    // When we ourselves drop out, everybody seems to leave just before the room's state says so.
    await Promise.resolve();
    if (!this.#isConnected) {
      this.#missedAgent = agent;
      return;
    }
    const {ParticipantKind} = this.#livekit;
    const others = this.#parties;
    const goesOn = others.some((each) => each.kind === ParticipantKind.AGENT || isHuman(each));
    if (goesOn) return;
    // Behind a caller who has hung up, LiveKit sends the agent out first and us next.
    if (others.length === 0) this.#tell("closed", {reason: "ended"});
    else this.#tell("agentleft", {identity: agent.identity});
  }

  /** Nobody tells who left while we were away: an agent who is not back in time has. */
  #awaitAgent() {
    if (!this.#missedAgent) return;
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => {
      const agent = this.#missedAgent;
      this.#missedAgent = null;
      this.#missAgent(agent);
    }, AGENT_BACK_WITHIN_MS);
  }

  #subscribeAll() {
    for (const participant of this.#room.remoteParticipants.values()) {
      for (const publication of participant.trackPublications.values()) this.#subscribe(publication);
    }
  }

  #subscribe(publication) {
    if (publication.kind === this.#livekit.Track.Kind.Audio) publication.setSubscribed(true);
  }

  #hear(track, {trackSid}) {
    const sound = new Sound(track);
    sound.addEventListener("blocked", () => this.#tell("blocked"));
    this.#unhear(trackSid);
    this.#sounds.set(trackSid, sound);
    this.#tell("voice");
    sound.volume = this.#volume;
    this.#play(sound);
  }

  async #play(sound) {
    this.#starting++;
    await sound.play({audible: this.#audible});
    this.#starting--;
    if (this.#starting === 0) this.#tell("played");
  }

  #unhear(trackSid) {
    this.#sounds.get(trackSid)?.stop();
    this.#sounds.delete(trackSid);
  }

  #fallSilent() {
    for (const trackSid of this.#sounds.keys()) this.#unhear(trackSid);
  }

  #levelOf({trackSid}, participant) {
    const told = participant.isSpeaking ? participant.audioLevel : 0;
    return this.#sounds.get(trackSid)?.takeLevel() ?? told;
  }

  async #read(reader, sender) {
    const {attributes = {}, id} = reader.info;
    const segment = attributes["lk.segment_id"] ?? id;
    const speaker = this.#speaker(sender, attributes["lk.transcribed_track_id"]);
    const text = (whole, final) => ({
      type: "text", segment_id: segment, ...speaker, text: whole, final, at: Date.now(),
    });
    const cut = () => ({type: "cut", segment_id: segment, speaker: speaker.speaker, at: Date.now()});
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
      // When it is us who dropped out, the sender speaks on: what is saved will tell how it went.
      if (this.#isConnected) this.#tell("text", cut());
    } finally {
      this.#open.delete(reader);
    }
  }

  /** The transcribed track's owner, if the sender may speak for it; else the sender. */
  #speaker(sender, trackSid) {
    const sent = this.#room.remoteParticipants.get(sender);
    const mayQuote = this.#isAgent(sender);
    const owner = [...this.#room.remoteParticipants.values()].find((each) => each.trackPublications.has(trackSid));
    const who = owner && (mayQuote || owner === sent) ? owner : sent;
    return {speaker: who?.identity ?? sender, role: who ? this.#roleOf(who) : "unknown"};
  }

  #isAgent(identity) {
    return this.#room.remoteParticipants.get(identity)?.kind === this.#livekit.ParticipantKind.AGENT;
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

function isForbidden({permissionStatus}) {
  return permissionStatus === "not_allowed";
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
