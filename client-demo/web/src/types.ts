// The words of namespace `/lobby` and of chess, typed after `shared/src/api`, and nothing else.
// What a field means stands there; this file only gives the shapes to the compiler.

export type Visibility = "public" | "unlisted" | "private";
export type Role = "player" | "spectator" | "audience";
export type Phase = "open" | "starting" | "playing" | "finished";
export type StartRule = "host" | "ready" | "full";

export type Colour =
  | "red" | "blue" | "green" | "yellow" | "purple" | "orange" | "cyan" | "pink"
  | "lime" | "brown" | "teal" | "navy" | "olive" | "grey" | "white" | "black";

/** The answer in every acknowledgement. */
export type Reply<T> = ({ ok: true } & T) | { ok: false; code: string; message: string };

export interface Create {
  game: string;
  config?: ChessConfig;
  visibility?: Visibility;
  password?: string;
  capacity?: number;
  max_spectators?: number;
  locked?: boolean;
  metadata?: Metadata;
  start?: StartRule;
  /** Whether bots take the seats that are free as a match begins. */
  fill?: boolean;
  colour?: Colour;
  name: string;
  deltas?: boolean;
  /** By which it may be sent again. */
  key?: string;
}

/** A seat in the best open lobby that fits, or in one of one's own. */
export type Quick = Omit<Create, "visibility" | "password" | "locked" | "key"> & {
  filter?: Pick<Filter, "text" | "free" | "metadata">;
};

export interface Join {
  code?: string;
  id?: string;
  /** The audience has none. */
  name?: string;
  role?: Role;
  password?: string;
  colour?: Colour;
  deltas?: boolean;
  /** By which it may be sent again. */
  key?: string;
}

export interface Joined {
  lobby: Lobby;
  /** Absent for who watches. */
  seat?: number;
  /** Empty in the audience. */
  token: string;
  /** Whether the request opened this lobby. */
  created: boolean;
}

/** What a host says of its lobby, for others to find it by. */
export type Metadata = Record<string, string | number | boolean>;

export type Condition =
  | string
  | number
  | boolean
  | { min?: number; max?: number }
  | { in: (string | number | boolean)[] };

/** Which public lobbies one wants to know of. */
export interface Filter {
  game?: string;
  text?: string;
  phase?: Phase;
  free?: number;
  has_password?: boolean;
  locked?: boolean;
  metadata?: Record<string, Condition>;
  /** `newest`, `players`, or `+` or `-` and a name of metadata. */
  sort?: string;
  limit?: number;
}

export interface Listed {
  id: string;
  game: string;
  host: string;
  /** Seats taken by people; bots make way. */
  players: number;
  bots?: number;
  capacity: number;
  phase: Phase;
  /** Whether `join` asks for one. */
  password?: boolean;
  locked?: boolean;
  made_ms: number;
  metadata?: Metadata;
}

/** What has changed of the list that we watch. */
export interface ListingChange {
  added?: Listed[];
  changed?: Listed[];
  /** Their ids. */
  removed?: string[];
}

export interface Lobby {
  id: string;
  code: string;
  game: string;
  config: ChessConfig;
  visibility: Visibility;
  password?: boolean;
  locked?: boolean;
  fill?: boolean;
  start: StartRule;
  phase: Phase;
  /** Only while it is starting. */
  starts_at_ms?: number;
  version: number;
  host?: number;
  seats: Seat[];
  capacity: number;
  /** Seats that must be taken for a match to begin. */
  needed: number;
  spectators: number;
  max_spectators: number;
  /** How many watch beside the spectators. */
  audience?: number;
  /** What is being voted on. */
  poll?: Poll;
  /** How the votes stand, as far as this page was told. */
  votes?: number[];
  metadata?: Metadata;
  state?: State;
}

export interface Seat {
  seat: number;
  name: string;
  connected: boolean;
  ready: boolean;
  overdue?: boolean;
  colour?: Colour;
  /** Nobody's: always ready, and it makes way for who comes. */
  bot?: boolean;
}

/** How a lobby is run. */
export type Terms = Required<
  Pick<
    Lobby,
    | "visibility" | "password" | "locked" | "fill" | "start" | "capacity" | "max_spectators"
    | "metadata"
  >
>;

/** What the host changes of that; what is absent stays. */
export type Settings = Partial<Omit<Terms, "password"> & { password: string }>;

export interface State {
  number: number;
  turn: number;
  /** Who plays, or played, this match; the seats may have been taken by others since. */
  players: { seat: number; name: string }[];
  /** Null if the game has crashed. */
  view: ChessView | null;
  outcome?: Outcome;
  /** The last `input` that was accepted, by seat. */
  applied?: Record<number, number>;
  /** Only in a push. */
  n?: number;
  /** Only in a push; deltas may build on it. */
  key?: true;
}

export interface Outcome {
  winners: number[];
  reason: string;
}

/** Somebody we hear no more, and as whom we blocked them. */
export interface Blocked {
  number: number;
  name?: string;
}

/** A question of the host's to those who watch. */
export interface Poll {
  number: number;
  question: string;
  options: string[];
  ends_ms: number;
}

/** The votes for each option of the poll of this number. */
export interface Tally {
  number: number;
  votes: number[];
}

export type LeaveReason = "left" | "expired" | "kicked" | "banned" | "made_way";

export interface Changed {
  version: number;
  change: Change;
}

export type Change =
  | ({ type: "joined" } & Seat)
  | ({ type: "settings" } & Terms)
  | { type: "colour"; seat: number; colour: Colour }
  | { type: "dropped"; seat: number; kept_until_ms: number; claim_from_ms?: number }
  | { type: "overdue"; seat: number }
  | { type: "returned"; seat: number }
  | { type: "left"; seat: number; reason: LeaveReason }
  | { type: "host"; seat: number }
  | { type: "ready"; seat: number; ready: boolean }
  | { type: "spectators"; count: number }
  | { type: "starting"; at_ms: number }
  | { type: "stopped" }
  | { type: "opened" }
  | { type: "started"; number: number }
  | { type: "finished"; outcome: Outcome }
  | ({ type: "poll" } & Poll)
  | ({ type: "poll_ended" } & Tally)
  | { type: "chat"; name: string; seat?: number; text: string; at_ms: number };

export interface MatchEvent {
  version: number;
  turn: number;
  event: ChessEvent;
}

export interface TypingPush {
  name: string;
  seat?: number;
  typing: boolean;
}

/** Shown for a moment, and forgotten. */
export interface ReactionPush {
  name: string;
  seat?: number;
  reaction: string;
}

export type Side = "white" | "black";

export interface ChessConfig {
  white?: "host" | "guest" | "random";
  fen?: string;
  clock?: { initial_ms: number; increment_ms?: number };
}

export type ChessAction =
  | { type: "move"; move: string }
  | { type: "resign" | "offer_draw" | "accept_draw" | "decline_draw" | "claim_draw" };

export interface ChessView {
  fen: string;
  turn: Side;
  /** The seat that plays white. */
  white: number;
  /** The seat that plays black. */
  black: number;
  moves: string[];
  last?: string;
  check: boolean;
  draw_offer?: number;
  can_claim_draw: boolean;
  /** In UCI; empty for everybody but the seat to move. */
  legal: string[];
  /** Absent in a match without one. */
  clock?: ClockView;
}

/** What both sides had left at `since_ms`, from when on the time of the side to move runs. */
export interface ClockView {
  white_ms: number;
  black_ms: number;
  since_ms?: number;
  first_move_until_ms?: number;
}

export type ChessEvent =
  | { type: "moved"; side: Side; san: string; uci: string; ply: number }
  | { type: "draw_offered"; seat: number }
  | { type: "draw_declined"; seat: number };

/** Each request: what it takes (nothing, or one argument), and what its acknowledgement tells. */
export interface Requests {
  create: { takes: [Create]; tells: Joined };
  join: { takes: [Join]; tells: Joined };
  quick: { takes: [Quick]; tells: Joined };
  resume: { takes: [{ token: string }]; tells: Joined };
  watch: { takes: [Filter]; tells: { lobbies: Listed[] } };
  unwatch: { takes: []; tells: object };
  list: { takes: [Filter]; tells: { lobbies: Listed[] } };
  settings: { takes: [Settings]; tells: object };
  host: { takes: [{ seat: number }]; tells: object };
  kick: { takes: [{ seat?: number; spectator?: string; ban?: "player" | "address" }]; tells: object };
  bot: { takes: []; tells: { seat: number } };
  block: { takes: [{ seat: number }]; tells: Blocked };
  unblock: { takes: [{ number: number }]; tells: object };
  blocks: { takes: []; tells: { blocks: Blocked[] } };
  claim: { takes: []; tells: object };
  colour: { takes: [{ colour: Colour }]; tells: object };
  ready: { takes: [{ ready: boolean }]; tells: object };
  start: { takes: []; tells: object };
  stop: { takes: []; tells: object };
  chat: { takes: [{ text: string }]; tells: object };
  poll: { takes: [{ question: string; options: string[]; seconds: number }]; tells: object };
  vote: { takes: [{ option: number }]; tells: object };
  typing: { takes: [{ typing: boolean }]; tells: object };
  react: { takes: [{ reaction: string }]; tells: object };
  action: { takes: [ChessAction]; tells: { turn: number } };
  rematch: { takes: []; tells: object };
  leave: { takes: []; tells: object };
  time: { takes: [{ echo?: string }]; tells: { server_ms: number; rtt_ms?: number; echo: string } };
}

export type Request = keyof Requests;
export type Takes<R extends Request> = Requests[R]["takes"];
export type Tells<R extends Request> = Requests[R]["tells"];

/** The event map of what we send, as `socket.io-client` wants it. */
export type ClientToServer = {
  [R in Request]: (...args: [...Takes<R>, ack: (reply: Reply<Tells<R>>) => void]) => void;
};

/** The event map of what the server pushes. */
export interface ServerToClient {
  changed: (changed: Changed) => void;
  event: (event: MatchEvent) => void;
  state: (state: State) => void;
  closed: (closed: { reason: string }) => void;
  kicked: () => void;
  typing: (typing: TypingPush) => void;
  reaction: (reaction: ReactionPush) => void;
  listing: (change: ListingChange) => void;
  audience: (audience: { count: number }) => void;
  tally: (tally: Tally) => void;
}
