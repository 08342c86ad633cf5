/**
 * What a page may paste before the async script, so that calls of AnyReach.listen() do not have to wait for it.
 *
 * A session from here keeps its calls; the loader (./listen.js) gives it the real methods and makes them then.
 */

window.AnyReach ??= ((q) => ({
  q,
  listen(options) {
    const calls = [];
    const session = {isMuted: () => false, getState: () => "idle"};
    const keep = (names, answer) => {
      for (const name of names.split(" ")) {
        session[name] = (...given) => answer((settle) => calls.push([name, given, settle]));
      }
    };
    keep("connect startAudio end", (call) => new Promise(call));
    keep("mute unmute setVolume on off", (call) => (call(() => {}), session));
    q.push([options, session, calls]);
    return session;
  },
}))([]);
