import {expect, test} from "vitest";

import {shortcutOf} from "../../static/js/core/shortcuts.js";

const shortcuts = ["j", "i", "g i"].map((keys) => ({keys, does: "", then() {}}));

test.each([
  ["j", "", "j"],
  ["i", "", "i"],
  ["i", "g", "g i"],
  ["i", "j", "i"],
  ["g", "", undefined],
  ["J", "", undefined],
])("%s after %j means %s", (key, before, keys) => {
  expect(shortcutOf(shortcuts, key, before)?.keys).toBe(keys);
});
