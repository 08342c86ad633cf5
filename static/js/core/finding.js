/** Finding words in texts. */

/**
 * @param {string} text
 * @param {string} words as somebody typed them
 * @returns {[number, number][]} where they stand, whatever their case: from, to
 */
export function matchesIn(text, words) {
  if (!words) return [];
  const pattern = new RegExp(words.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&").replace(/\s+/g, "\\s+"), "giu");
  return [...text.matchAll(pattern)].map(({index, 0: found}) => [index, index + found.length]);
}
