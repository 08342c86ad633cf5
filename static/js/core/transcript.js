/**
 * How live text becomes a transcript: the browser's twin of conversations/transcript.py.
 * Both pass tests/data/transcript/text-fold.json.
 *
 * @typedef {object} Line
 * @property {string} segment_id
 * @property {"user" | "agent" | "human" | "tool" | "unknown"} role
 * @property {string} speaker
 * @property {string} text
 * @property {boolean} final
 * @property {boolean} interrupted
 * @property {number} started_at milliseconds since the epoch
 * @property {number | null} ended_at
 * @property {string} [id] our turn's id, once it is saved
 * @property {string} [name] of a tool
 *
 * @typedef {{type: "text", segment_id: string, role: Line["role"], speaker: string, text: string,
 *   final: boolean, at: number}} TextEvent the segment's whole text so far
 * @typedef {{type: "cut", segment_id: string, speaker: string, at: number}} CutEvent its sender vanished
 */

/**
 * Whether they are of one segment. A segment's id is its sender's choice, so it only counts among
 * what the same speaker said: nobody changes another's words by using the id of their segment.
 *
 * @param {{segment_id: string, speaker: string}} one @param {{segment_id: string, speaker: string}} other
 */
export function isSameSegment(one, other) {
  return one.segment_id === other.segment_id && one.speaker === other.speaker;
}

/** What a line is known by, whether it was heard or saved. @param {Line} line @returns {string} */
export function keyOf({segment_id, speaker, id}) {
  return segment_id ? JSON.stringify([segment_id, speaker]) : `turn ${id}`;
}

/**
 * @param {readonly Line[]} lines oldest first
 * @param {TextEvent | CutEvent} event
 * @returns {readonly Line[]} the same array if nothing changed
 */
export function fold(lines, event) {
  const index = lines.findLastIndex((line) => isSameSegment(line, event));
  return event.type === "cut" ? foldCut(lines, index, event) : foldText(lines, index, event);
}

/**
 * Fold in what is heard just now: nothing known is later, whatever the clock says that stamped it.
 *
 * @param {readonly Line[]} lines
 * @param {TextEvent | CutEvent} event
 */
export function withHeard(lines, event) {
  const latest = lines.at(-1)?.started_at ?? event.at;
  return fold(lines, {...event, at: Math.max(event.at, latest)});
}

function foldText(lines, index, event) {
  const {segment_id, role, speaker, text, final, at} = event;
  if (index < 0) {
    if (!text) return lines;
    const line = {
      segment_id, role, speaker, text, final: false, interrupted: false, started_at: at, ended_at: null,
    };
    return inOrder(lines, final ? settled(line, at) : line);
  }
  const line = lines[index];
  if (line.final && !final) return lines;
  const told = {...line, text};
  return put(lines, index, final ? settled(told, at) : told);
}

function foldCut(lines, index, {at}) {
  if (index < 0 || lines[index].final) return lines;
  return put(lines, index, {...settled(lines[index], at), interrupted: true});
}

function settled(line, at) {
  return {...line, final: true, ended_at: line.ended_at ?? Math.max(at, line.started_at)};
}

function inOrder(lines, line) {
  const before = lines.findLastIndex((each) => each.started_at <= line.started_at) + 1;
  return lines.toSpliced(before, 0, line);
}

function put(lines, index, line) {
  return lines.with(index, line);
}

/**
 * Join what was saved, which is all that ever was, with what came live. A saved line replaces the
 * live one of its segment once it is final: until then the live one is ahead. What is not saved yet
 * keeps its place among what it was heard with, as clocks here and there differ.
 *
 * @param {readonly Line[]} lines
 * @param {readonly Line[]} saved
 * @returns {readonly Line[]}
 */
export function withSaved(lines, saved) {
  const heard = new Map(lines.map((line) => [keyOf(line), line]));
  const joined = saved.map((line) => ahead(heard.get(keyOf(line)), line));
  joined.sort((a, b) => a.started_at - b.started_at);
  const isSaved = new Set(saved.map(keyOf));
  for (const [index, line] of lines.entries()) {
    if (isSaved.has(keyOf(line)) || line.id) continue;
    const next = lines.slice(index).find((each) => isSaved.has(keyOf(each)));
    const place = next ? joined.findIndex((each) => keyOf(each) === keyOf(next)) : joined.length;
    joined.splice(place, 0, line);
  }
  return joined;
}

function ahead(live, saved) {
  return live && !saved.final ? {...live, id: saved.id, started_at: saved.started_at} : saved;
}

/**
 * Read one entry of the lines endpoint, whose times are ISO 8601 and whose absent parts are left out.
 *
 * @param {Record<string, any>} entry
 * @returns {Line}
 */
export function readSaved(entry) {
  return {
    id: entry.id,
    segment_id: entry.segment_id ?? "",
    role: entry.role,
    speaker: entry.speaker ?? "",
    text: entry.text ?? "",
    name: entry.name ?? "",
    final: Boolean(entry.final),
    interrupted: Boolean(entry.interrupted),
    started_at: Date.parse(entry.started_at),
    ended_at: entry.ended_at ? Date.parse(entry.ended_at) : null,
  };
}
