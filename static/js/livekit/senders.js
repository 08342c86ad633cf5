/**
 * Let nobody but its sender, or an agent, which may speak for others, go on with a text stream or end it.
 *
 * LiveKit's client asks of no piece who sent it, and a stream's id is known to all in the room. What it does with
 * pieces has no public name (livekit-client 2.23): tests/attack/browser/test_words.py shows that it is still there.
 *
 * @param {import("livekit-client").Room} room
 * @param {(identity: string) => boolean} isAgent
 */
export function readOnlySenders(room, isAgent) {
  const streams = room.incomingDataStreamManager;
  const take = streams.handleDataStreamPacket.bind(streams);
  streams.handleDataStreamPacket = (packet, ...rest) => {
    const sender = streams.textStreamControllers.get(packet.value.value.streamId)?.sendingParticipantIdentity;
    // Who is hidden has no name here.
    const writer = packet.participantIdentity;
    if (sender === undefined || !writer || writer === sender || isAgent(writer)) take(packet, ...rest);
  };
}
