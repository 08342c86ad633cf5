import {spawnSync} from "node:child_process";
import {mkdtempSync, rmSync, writeFileSync} from "node:fs";
import {tmpdir} from "node:os";
import {join, resolve} from "node:path";

import {afterEach, beforeEach, expect, test} from "vitest";

const PAGE = `
  async function listen(grant: AnyReach.ListenGrant) {
    const getToken: AnyReach.GetToken = async ({renews}) => ({...grant, token: renews ?? ""});
    const session = AnyReach.listen({...grant, nonce: "n0nce", getToken});
    const said: string[] = [];
    session
      .on("stateChange", (state) => state === "connected")
      .on("transcript", ({id, role, text, final}) => said.push(id, role, text, String(final)))
      .on("agentDisconnected", ({participantIdentity}) => said.push(participantIdentity))
      .on("error", ({message, code}) => said.push(message, code))
      .on("quality", (quality) => quality === "lost")
      .on("level", ({level}) => level.toFixed(2))
      .on("audioBlocked", () => session.startAudio())
      .on("ended", () => said.pop())
      .off("ended", () => {});
    await session.connect();
    await session.startAudio();
    session.setVolume(session.isMuted() ? 0 : 1);
    session.mute();
    session.unmute();
    if (session.getState() !== "disconnected") await session.end();

    // @ts-expect-error: no such event
    session.on("stateChanged", () => {});
    // @ts-expect-error: no such state
    if (session.getState() === "live") return;
    // @ts-expect-error: no token
    window.AnyReach.listen({url: "wss://livekit.test"});
  }
  const element = document.querySelector("anyreach-listen")!;
  element.listen({getToken: async () => (await fetch("/token")).json()}).on("ended", () => element.remove());
`;

let folder;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "listen-types-"));
});

afterEach(() => rmSync(folder, {recursive: true}));

test("a page that uses all of the SDK is sound TypeScript, and mistakes are found", {timeout: 30_000}, () => {
  const page = join(folder, "page.ts");
  writeFileSync(page, PAGE);
  const files = [resolve("static/js/sdk/listen.d.ts"), page];

  const options = ["--noEmit", "--strict", "--target", "es2022"];
  const tsc = spawnSync("node_modules/.bin/tsc", [...options, ...files], {encoding: "utf8"});

  expect(tsc.stdout).toBe("");
  expect(tsc.status).toBe(0);
});
