import {afterEach, expect, test, vi} from "vitest";

import {bodyOf, send} from "../../static/js/core/transferring.js";

const reader = {organizationId: "org-1", csrf: "csrf-1"};

afterEach(() => vi.unstubAllGlobals());

test("what is left empty is not told, so that the API takes what it takes then", () => {
  const filled = [
    ["transfer_number", " +4930555010 "], ["supervisor_instructions", "  "], ["hold_music", "none"],
    ["accept", "dtmf"], ["ring_timeout_seconds", "45"], ["accept_timeout_seconds", ""],
  ];
  expect(bodyOf(filled)).toEqual({
    transfer_number: "+4930555010", hold_music: "none", accept: "dtmf", ring_timeout_seconds: 45,
  });
});

test.each([
  ["+49 (30) 555-010", "+4930555010"],
  ["030 555010", "030 555010"],
  ["sip:front-desk@sip.example.com", "sip:front-desk@sip.example.com"],
])("a number is written as people do: %s", (written, number) => {
  expect(bodyOf([["transfer_number", written]])).toEqual({transfer_number: number});
});

test("it is asked as whoever is signed in", async () => {
  const fetch = vi.fn(async () => Response.json({id: "1"}, {status: 202}));
  vi.stubGlobal("fetch", fetch);
  expect(await send("POST", "/ask", reader, {accept: "dtmf"})).toBeNull();
  expect(fetch).toHaveBeenCalledWith("/ask", {
    method: "POST",
    headers: {"Content-Type": "application/json", "X-CSRFToken": "csrf-1", "X-Anyreach-Org": "org-1"},
    body: '{"accept":"dtmf"}',
  });
});

test("a refusal is told in the server's words", async () => {
  const errors = [{field: "accept", message: "Not this."}];
  vi.stubGlobal("fetch", async () => Response.json({detail: "accept: Not this.", errors}, {status: 422}));
  expect(await send("POST", "/ask", reader, {})).toEqual({detail: "accept: Not this.", errors});
  vi.stubGlobal("fetch", async () => Response.json({detail: "Too late."}, {status: 409}));
  expect(await send("DELETE", "/ask/1", reader)).toEqual({detail: "Too late.", errors: []});
});

test.each([
  ["a network that is away", async () => Promise.reject(new TypeError())],
  ["a proxy's page", async () => new Response("<h1>Bad gateway</h1>", {status: 502})],
])("%s is said in a sentence of ours", async (_, fetch) => {
  vi.stubGlobal("fetch", fetch);
  const {detail} = await send("POST", "/ask", reader, {});
  expect(detail).toBe("AnyReach does not answer. Please try again.");
});
