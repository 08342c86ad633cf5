/** Why an ear has ended, in words for whoever listened. @type {Record<string, string>} */
export const ENDINGS = {
  agentleft: "The agent has left the call.",
  ended: "The call has ended.",
  revoked: "An administrator has closed your listening session, or your rights have changed.",
  replaced: "You are listening in another place with the same token.",
  expired: "Your listening time is over.",
  lost: "The connection was lost.",
  embed_refused: "This page may not embed the call.",
  token_refused: "The listener token was refused. It may be over.",
  unreachable: "The call cannot be reached. Your network may block it, or LiveKit is away.",
};
