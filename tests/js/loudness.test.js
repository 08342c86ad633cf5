import {afterEach, expect, test, vi} from "vitest";

import {Loudness, rms} from "../../static/js/livekit/loudness.js";

afterEach(() => vi.unstubAllGlobals());

/** Ten milliseconds of sound at one level. */
function audio(level) {
  return {numberOfFrames: 480, copyTo: (samples) => samples.fill(level), close: vi.fn()};
}

function playing(...pieces) {
  vi.stubGlobal("MediaStreamTrackProcessor", class {
    readable = new ReadableStream({
      start(controller) {
        pieces.forEach((piece) => controller.enqueue(piece));
      },
    });
  });
  return new Loudness({});
}

const settle = () => new Promise((resolve) => setTimeout(resolve));

test("loudness is the root of the mean square", () => {
  expect(rms(new Float32Array([0.5, -0.5, 0.5, -0.5]))).toBe(0.5);
  expect(rms(new Float32Array(480))).toBe(0);
});

test("the loudest moment since the last look is told once", async () => {
  const loudness = playing(audio(0.125), audio(0.5), audio(0.25));
  await settle();
  expect(loudness.take()).toBe(0.5);
  expect(loudness.take()).toBe(0);
});

test("no piece of sound is kept", async () => {
  const pieces = [audio(0.1), audio(0.2)];
  const loudness = playing(...pieces);
  await settle();
  for (const piece of pieces) expect(piece.close).toHaveBeenCalledOnce();
  loudness.stop();
});
