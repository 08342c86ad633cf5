/** LiveKit's client is big, and comes only where a call may be heard. The panel says what matters. */
export async function loadLiveKit() {
  const livekit = await import("livekit-client");
  livekit.setLogLevel("silent");
  return livekit;
}
