// How much, how often and how long, at most and at least, of what is not about peers (theirs are in
// `peers/limits.ts`).

/** How often a lobby is asked for while answers are lost. */
export const TRIES = 3;
/** Pause before something is asked again that the server had no time for. */
export const AGAIN_MS = 1_000;
/** How often the server's clock is looked at. */
export const CLOCK_MS = 30_000;
/** How often it is asked then: the shortest way counts. */
export const CLOCK_QUESTIONS = 3;
/** Inputs that may wait for a connection. */
export const MAX_WAITING_INPUTS = 64;
