/**
 * What the loader (on the customer's page) and the frame (ours) say to each other.
 *
 * The loader greets with one window message, {type: HELLO, version}, which carries a MessagePort;
 * everything after goes over that port. Nothing here is ever in an address, an attribute or a log.
 *
 * @typedef {{url: string, token: string, expires_at?: string}} Grant
 *
 * What the loader says:
 * @typedef {{type: "prepare", grant: Grant}} Prepare  what "connect" will bring, if it comes
 * @typedef {{type: "connect", grant: Grant, renewable: boolean, muted: boolean, volume: number}} Connect
 *   renewable: the page can be asked for another grant with "need"
 * @typedef {{type: "startAudio", id: number}} StartAudio  answered by "done"
 * @typedef {{type: "mute"} | {type: "unmute"} | {type: "volume", volume: number}} Sound
 * @typedef {{type: "levels"}} Levels  send "level" from now on
 * @typedef {{type: "grant", id: number, grant?: Grant}} NewGrant  answers "need"; without a grant: none is had
 * @typedef {{type: "end"}} End  leave, answered by "ended"
 *
 * What the frame says:
 * @typedef {{type: "ready"}} Ready  the greeting was accepted
 * @typedef {{type: "connected"}} Connected
 * @typedef {{type: "failed", code: string, message: string}} Failed  it cannot connect; instead of "connected"
 * @typedef {{type: "transcript", line: {id: string, role: string, text: string, final: boolean}}} Transcript
 * @typedef {{type: "agentDisconnected", participantIdentity: string}} AgentDisconnected
 * @typedef {{type: "audioBlocked"}} AudioBlocked
 * @typedef {{type: "muted", muted: boolean}} Muted  the frame's own panel was used
 * @typedef {{type: "done", id: number, code?: string, message?: string}} Done  with a code: refused
 * @typedef {{type: "quality", quality: "excellent" | "good" | "poor" | "lost"}} Quality
 * @typedef {{type: "level", participantIdentity: string, role: string, level: number}} Level
 * @typedef {{type: "need", id: number, renews: string}} Need  another grant, which follows this identity
 * @typedef {{type: "height", height: number}} Height  of the frame's panel, in pixels
 * @typedef {{type: "error", code: string, message: string}} Trouble  what went wrong; listening may go on
 * @typedef {{type: "disconnected"}} Disconnected  it has left the call, or was put out
 * @typedef {{type: "ended"}} Ended  the frame may be taken away
 */

export const HELLO = "anyreach-listen";
export const VERSION = 1;
