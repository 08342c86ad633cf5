/** What a page may call once https://HOST/public/listen-sdk has loaded (or the queue stub before it). */

declare namespace AnyReach {
  /** The answer of POST /core/conversations/{id}/listener-token. */
  interface ListenGrant {
    /** LiveKit's address, ws: or wss: */
    url: string;
    token: string;
    /** ISO 8601 */
    expires_at?: string;
  }

  /**
   * Fetch a listener token from your own server. During a call it is asked again before the token expires:
   * `renews` is then what your server sends in the body of its request, so that both count as one listener.
   */
  type GetToken = (why: {renews?: string}) => Promise<ListenGrant>;

  interface Extras {
    /** Put on the elements that the SDK adds, for your Content-Security-Policy. */
    nonce?: string;
  }

  type ListenOptions = Extras & ((ListenGrant & {getToken?: GetToken}) | {getToken: GetToken});

  type ListenState = "idle" | "connecting" | "connected" | "disconnected";

  type ListenCode =
    | "invalid_options"
    | "frame_blocked"
    | "embed_refused"
    | "token_refused"
    | "unreachable"
    | "timeout"
    | "audio_blocked"
    | "lost"
    | "revoked"
    | "expired"
    | "replaced"
    | "renewal_failed"
    | "call_ended"
    | "ended"
    | "frame_lost";

  /** What connect() and startAudio() reject with. */
  interface ListenError extends Error {
    code: ListenCode;
  }

  interface ListenEvents {
    stateChange: ListenState;
    /** Interim with `final: false`, then settled under the same id. */
    transcript: {id: string; role: "user" | "agent" | "human"; text: string; final: boolean};
    agentDisconnected: {participantIdentity: string};
    /** A pending connect() rejects with the same; otherwise listening may go on (see getState()). */
    error: {message: string; code: ListenCode};
    /** The iframe is gone. */
    ended: undefined;
    /** The browser wants a click: call startAudio() in its handler. */
    audioBlocked: undefined;
    /** Of this listener's connection; lost while it comes back. */
    quality: "excellent" | "good" | "poor" | "lost";
    /** How loud somebody is, 0 to 1. */
    level: {participantIdentity: string; role: string; level: number};
  }

  interface ListenSession {
    /** Resolves once subscribed; rejects after 15 s. While connecting or connected it is the same promise. */
    connect(): Promise<void>;
    /** Call it in a click handler. It connects if connect() was not called before. */
    startAudio(): Promise<void>;
    /** This listener's sound only: nobody in the call notices. */
    mute(): void;
    unmute(): void;
    isMuted(): boolean;
    /** @param volume 0 to 1 */
    setVolume(volume: number): void;
    getState(): ListenState;
    /** Leave and remove the iframe, by force after 3 s. connect() begins anew. */
    end(): Promise<void>;
    on<E extends keyof ListenEvents>(event: E, handler: (payload: ListenEvents[E]) => void): this;
    off<E extends keyof ListenEvents>(event: E, handler: (payload: ListenEvents[E]) => void): this;
  }

  /** `<anyreach-listen>`: a panel with Listen, Mute, Stop and the transcript. It starts muted. */
  interface ListenElement extends HTMLElement {
    /** Listen, and connect by itself. Removing the element from the page ends it. */
    listen(options: ListenOptions): ListenSession;
  }

  function listen(options: ListenOptions): ListenSession;
}

interface HTMLElementTagNameMap {
  "anyreach-listen": AnyReach.ListenElement;
}

interface Window {
  AnyReach: typeof AnyReach;
}
