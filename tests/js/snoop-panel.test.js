// @vitest-environment jsdom

import {afterEach, beforeEach, describe, expect, test, vi} from "vitest";

import {SnoopPanelElement} from "../../static/js/elements/snoop-panel.js";

class FakeSource extends EventTarget {
  state = "connecting";
  listen = vi.fn();
  mute = vi.fn();
  stop = vi.fn();

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, {detail}));
  }

  become(state, reason) {
    this.tell("state", {state, reason});
  }

  say(segment_id, text, final, role = "user") {
    this.tell("text", {type: "text", segment_id, role, speaker: role, text, final, at: 1000});
  }
}

let panel, source;

beforeEach(() => {
  SnoopPanelElement.define();
  panel = document.createElement("anyreach-snoop-panel");
  document.body.append(panel);
  source = new FakeSource();
  panel.source = source;
});

afterEach(() => panel.remove());

const part = (selector) => panel.shadowRoot.querySelector(selector);
const badge = () => part(".badge").textContent;
const message = () => (part(".message").hidden ? "" : part(".message span").textContent);
const lines = () => [...panel.shadowRoot.querySelectorAll("li")];
const spoken = () => part("[aria-live=polite]").textContent;
const button = (name) =>
  [...panel.shadowRoot.querySelectorAll("button")].find(
    (each) => !each.hidden && (each.getAttribute("aria-label") ?? each.textContent) === name,
  );

test("the badge says how it goes, and the sentence what nobody notices", () => {
  expect(badge()).toBe("Connecting…");
  expect(part(".promise").textContent).toBe("Listening in. The agent and caller can't see you or hear you.");
  source.become("live");
  expect(badge()).toBe("LIVE");
  source.become("ended", "ended");
  expect(badge()).toBe("Ended");
});

test("its sound is toggled from outside as by its buttons, while there is any", () => {
  source.become("live");
  panel.toggleSound();
  expect(source.listen).toHaveBeenCalledOnce();
  panel.toggleSound();
  expect(source.mute).toHaveBeenCalledOnce();
  source.become("ended", "ended");
  panel.toggleSound();
  expect(source.listen).toHaveBeenCalledOnce();
});

test("it starts muted; Listen and Mute take turns and the focus with them", () => {
  expect(button("Mute")).toBeUndefined();
  button("Listen").focus();
  button("Listen").click();
  expect(source.listen).toHaveBeenCalledOnce();
  expect(button("Listen")).toBeUndefined();
  expect(panel.shadowRoot.activeElement).toBe(button("Mute"));
  button("Mute").click();
  expect(source.mute).toHaveBeenCalledOnce();
  expect(panel.shadowRoot.activeElement).toBe(button("Listen"));
});

test("it shows whether it is muted, whoever changed it", () => {
  source.tell("muted", {muted: false});
  expect([button("Listen"), button("Mute")]).toEqual([undefined, expect.anything()]);
  source.become("ended", "ended");
  source.tell("muted", {muted: true});
  expect(button("Listen")).toBeUndefined();
});

test("while nobody is to be heard yet, it can only be stopped", () => {
  const stopped = vi.fn();
  panel.addEventListener("stop", stopped);
  panel.source = null;
  expect(badge()).toBe("Connecting…");
  expect([button("Listen"), button("Mute")]).toEqual([undefined, undefined]);
  button("Stop").click();
  expect(stopped).toHaveBeenCalledOnce();
  panel.source = source;
  expect(button("Listen")).toBeDefined();
});

test("Stop stops the source and tells the page", () => {
  const stopped = vi.fn();
  panel.addEventListener("stop", stopped);
  button("Stop").click();
  expect(source.stop).toHaveBeenCalledOnce();
  expect(stopped).toHaveBeenCalledOnce();
});

test("there is nothing to whisper, barge in or take over with", () => {
  const names = [...panel.shadowRoot.querySelectorAll("button")].map((each) => each.className);
  expect(names).toEqual(["listen primary", "mute", "stop icon", "again", "newest"]);
});

describe("the transcript", () => {
  test("shows who speaks, and interim text as such until it is final", () => {
    source.say("S1", "I would", false);
    expect(lines().map((line) => [line.className, line.textContent])).toEqual([["interim", "CallerI would"]]);
    source.say("S1", "I would like a refund.", true);
    expect(lines().map((line) => [line.className, line.textContent])).toEqual([
      ["", "CallerI would like a refund."],
    ]);
  });

  test("takes what people say for text", () => {
    source.say("S1", "<img src=x onerror=alert(1)>", true);
    expect(part("li img")).toBeNull();
    expect(part(".said").textContent).toBe("<img src=x onerror=alert(1)>");
  });

  test("joins what was said before", () => {
    source.say("S2", "Fine.", true, "agent");
    panel.addSaved([
      {id: "1", segment_id: "S1", role: "user", speaker: "user", text: "Hello.", final: true, started_at: 500},
      {id: "2", segment_id: "S2", role: "agent", speaker: "agent", text: "Fine.", final: true, started_at: 1000},
      {id: "3", segment_id: "", role: "tool", name: "find_order", text: "", final: true, started_at: 1500},
    ]);
    expect(lines().map((line) => line.textContent)).toEqual(["CallerHello.", "AgentFine.", "Toolfind_order"]);
  });

  test("puts what is heard now last, though the clock here is behind the one that stamped the past", () => {
    panel.addSaved([{id: "1", segment_id: "S1", role: "user", speaker: "user", text: "Hello.", final: true, started_at: 900_000}]);
    source.say("S2", "Fine.", true, "agent");
    expect(lines().map((line) => line.textContent)).toEqual(["CallerHello.", "AgentFine."]);
  });

  test("says which line was cut off", () => {
    source.say("S1", "Your order was", false, "agent");
    source.tell("text", {type: "cut", segment_id: "S1", speaker: "agent", at: 2000});
    expect(lines().map((line) => line.textContent)).toEqual(["AgentYour order wasInterrupted"]);
  });

  test("goes on in a panel that was moved", () => {
    panel.remove();
    document.body.append(panel);
    source.say("S1", "Hello.", true);
    expect(lines()).toHaveLength(1);
  });

  test("keeps a line's element while it changes", () => {
    source.say("S1", "I", false);
    const [before] = lines();
    source.say("S1", "I would", true);
    expect(lines()[0]).toBe(before);
  });
});

describe("to a screen reader", () => {
  test("a line is told once, when it is final", () => {
    source.say("S1", "I would", false);
    expect(spoken()).toBe("");
    source.say("S1", "I would like a refund.", true);
    expect(spoken()).toBe("Caller: I would like a refund.");
  });

  test("what was said before is not told", () => {
    source.say("S2", "Fine", false);
    panel.addSaved([{id: "1", segment_id: "S1", role: "user", speaker: "user", text: "Hello.", final: true, started_at: 500}]);
    expect(spoken()).toBe("");
  });
});

describe("levels", () => {
  test("come as a meter per voice, which goes with its voice", () => {
    const voices = [{identity: "c", role: "user", level: 0.25}, {identity: "a", role: "agent", level: 0}];
    source.tell("levels", voices);
    const meters = () => [...panel.shadowRoot.querySelectorAll("[role=meter]")];
    expect(meters().map((meter) => [meter.getAttribute("aria-label"), meter.getAttribute("aria-valuenow")])).toEqual([
      ["Caller's level", "80"], ["Agent's level", "0"],
    ]);
    source.tell("levels", voices.slice(1));
    expect(meters()).toHaveLength(1);
  });
});

describe("in words", () => {
  test("blocked sound asks for another click", () => {
    source.become("live");
    button("Listen").click();
    source.tell("blocked");
    expect(message()).toBe("Your browser has blocked the sound. Press Listen to hear the call.");
    expect(button("Listen")).toBeDefined();
    button("Listen").click();
    expect(message()).toBe("");
  });

  test("a voice that may not be heard, for as long as it may not", () => {
    const voice = {identity: "c", role: "user", level: 0};
    source.become("live");
    source.tell("levels", [{...voice, forbidden: true}]);
    expect(message()).toBe("A speaker does not allow others to hear them. Their text still comes.");
    source.tell("levels", [voice]);
    expect(message()).toBe("");
  });

  test("a connection that was lost and came back", () => {
    source.become("reconnecting");
    expect(message()).toBe("The connection was lost. Trying to come back…");
    vi.useFakeTimers();
    source.become("live");
    expect(message()).toBe("Connected again.");
    vi.advanceTimersByTime(10_000);
    expect(message()).toBe("");
    vi.useRealTimers();
  });

  test.each(["agentleft", "ended", "revoked", "replaced", "expired", "lost", "token_refused", "unreachable"])(
    "the end %s has a sentence",
    (reason) => {
      source.become("ended", reason);
      expect(message()).toMatch(/^[A-Z].+\.$/);
      expect([button("Listen"), button("Mute")]).toEqual([undefined, undefined]);
    },
  );

  test("an end leaves the focus on what is still there", () => {
    button("Listen").click();
    button("Mute").focus();
    source.become("ended", "ended");
    expect(panel.shadowRoot.activeElement).toBe(button("Stop"));
  });

  test.each([["lost", true], ["ended", false], ["revoked", false], ["agentleft", false]])(
    "after %s, Listen again is offered: %s",
    (reason, offered) => {
      source.become("ended", reason);
      expect(Boolean(button("Listen again"))).toBe(offered);
    },
  );

  test("whoever returns keeps the transcript", () => {
    const again = vi.fn();
    panel.addEventListener("again", again);
    source.say("S1", "Hello.", true);
    source.become("ended", "lost");
    button("Listen again").focus();
    button("Listen again").click();
    expect(again).toHaveBeenCalledOnce();
    panel.source = new FakeSource();
    expect(badge()).toBe("Connecting…");
    expect(lines()).toHaveLength(1);
    expect(panel.shadowRoot.activeElement).toBe(button("Listen"));
  });
});
