import {Loudness} from "./loudness.js";

/** One track of a room as this tab plays it. Fires "blocked" when the browser does not let it sound. */
export class Sound extends EventTarget {
  #element = new Audio();
  #track;
  #loudness;
  #plays = false;
  #isHeard = false;

  /** @param {import("livekit-client").RemoteAudioTrack} track */
  constructor(track) {
    super();
    this.#track = track;
    this.#element.srcObject = new MediaStream([track.mediaStreamTrack]);
    this.#element.addEventListener("playing", () => (this.#plays = true), {once: true});
  }

  /** @param {number} volume from 0 to 1 */
  set volume(volume) {
    this.#element.volume = volume;
  }

  /**
   * Play on, heard or not: what is muted keeps running, so that it can be heard at once. Resolves
   * when the browser has let it, or has not.
   */
  async play({audible}) {
    this.#element.muted = !audible;
    if (!audible) this.#isHeard = false;
    try {
      await this.#element.play();
      this.#isHeard = !this.#element.muted;
    } catch (error) {
      this.#isHeard = false;
      if (error.name === "NotAllowedError" && audible) this.dispatchEvent(new Event("blocked"));
    }
  }

  /** Whether it comes out of this tab, unmuted and let by the browser. */
  get isHeard() {
    return this.#isHeard;
  }

  /** Whether it would be heard now. An element plays before its first packet has come. */
  get isReady() {
    return this.#plays && this.#track.receiver.getSynchronizationSources().length > 0;
  }

  /** How loud it has been since this was last asked for, from 0 to 1; undefined if unknown here. */
  takeLevel() {
    if (!Loudness.isReadable) return undefined;
    // Not before: whoever connects waits for the sound, and for no meter.
    this.#loudness ??= new Loudness(this.#track.mediaStreamTrack);
    return this.#loudness.take();
  }

  stop() {
    this.#loudness?.stop();
    this.#element.pause();
    this.#element.srcObject = null;
  }
}
