// How much and how long, at most and at least, where peers are linked. Of paths and negotiations,
// whose times belong together, `path.ts` and `negotiation.ts` tell.

// Of confirmations and what is sent again: see `link.ts`.

/** What has arrived is confirmed after so long, so many frames or bytes. */
export const ACK_MS = 25;
export const ACK_FRAMES = 32;
export const ACK_BYTES = 65_536;
/** Without progress for so long, what is not confirmed is sent again; then after twice that … */
export const RESEND_MS = 2_000;
/** … up to this. */
export const MAX_RESEND_MS = 16_000;

// Of what waits.

/** The direct path is taken when no more than this waits in its reliable channel. */
export const SETTLED_BYTES = 16_384;
/** Volatile messages are left out while more than this waits in their channel. */
export const STALE_BYTES = 1_024;
/** They are, too, while more than this waits on its way to the server. */
export const BUSY_BYTES = 16_384;
export const BUSY_PACKETS = 64;
/** Bytes in flight; a receiver keeps as much of what comes too early, so it always has room. */
export const WINDOW_BYTES = 262_144;
/** In flight by the server, at least, however often it refuses. */
export const MIN_RELAY_WINDOW = 4_096;
/** From here on `send` makes one wait. */
export const PAUSE_BYTES = 1_048_576;
/** No more than this waits: who sends it has not waited for its turn. */
export const MAX_BUFFERED_BYTES = 4_194_304;

// Of messages.

/** Bytes of one message, before it is encrypted. */
export const MAX_MESSAGE_BYTES = 1_048_576;
/** Bytes of one message on its way: encryption adds sixteen. */
export const MAX_SEALED_BYTES = 1_048_592;
/** Frames of the largest message. */
export const MAX_PARTS = 65;
/** Keys of volatile messages of one link, each way. */
export const MAX_KEYS = 1_024;

// Of the server.

/** It does not say more often that it refuses: who goes on earlier may not hear of it. */
export const REFUSED_MS = 100;
/** How long an answer may take. */
export const ANSWER_MS = 10_000;
/** Pause before one tries to join again. */
export const AGAIN_MS = 1_000;
/** How often the lobby is told how one's links are. */
export const REPORT_MS = 10_000;
