/**
 * How loud a track is, whether it is played or not.
 *
 * Reads its samples where the browser lets us (MediaStreamTrackProcessor: Chromium), since a muted
 * track's statistics say silence, and LiveKit's own level comes in eighths, for speech only.
 */
export class Loudness {
  static isReadable = "MediaStreamTrackProcessor" in globalThis;

  #reader;
  #loudest = 0;

  /** @param {MediaStreamTrack} track of sound */
  constructor(track) {
    this.#reader = new MediaStreamTrackProcessor({track}).readable.getReader();
    this.#read();
  }

  /** Return the loudest 10 ms since this was last asked for: RMS, from 0 to 1. */
  take() {
    const loudest = this.#loudest;
    this.#loudest = 0;
    return loudest;
  }

  stop() {
    this.#reader.cancel();
  }

  async #read() {
    let samples = new Float32Array();
    for (;;) {
      const {value: audio, done} = await this.#reader.read();
      if (done) return;
      if (samples.length !== audio.numberOfFrames) samples = new Float32Array(audio.numberOfFrames);
      audio.copyTo(samples, {planeIndex: 0, format: "f32-planar"});
      audio.close();
      this.#loudest = Math.max(this.#loudest, rms(samples));
    }
  }
}

/** @param {Float32Array} samples from -1 to 1 */
export function rms(samples) {
  return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
}
