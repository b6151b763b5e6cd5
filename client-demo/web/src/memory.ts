// What outlives a reload: the player's name (this browser); the seat's token, the ticket with which
// we wait, the chat and which guest of the server we are (this tab). Where storage is forbidden,
// everything works but is forgotten.

import type { ChatLine } from "./mirror";

const NAME = "parlor.name";
const TOKEN = "parlor.token";
const TICKET = "parlor.ticket";
const CHAT = "parlor.chat";
const GUEST = "parlor.guest";

export const memory = {
  name: (): string => read(localStorageOrNone(), NAME) ?? "",
  keepName: (name: string): void => write(localStorageOrNone(), NAME, name),

  token: (): string | undefined => read(sessionStorageOrNone(), TOKEN),
  keepToken: (token: string | undefined): void => write(sessionStorageOrNone(), TOKEN, token),

  /** With which we wait for a match. */
  ticket: (): string | undefined => read(sessionStorageOrNone(), TICKET),
  keepTicket: (id: string | undefined): void => write(sessionStorageOrNone(), TICKET, id),

  /** By which the server knows this tab again as the same guest; blocking needs that. */
  guest: (): string | undefined => read(sessionStorageOrNone(), GUEST),
  keepGuest: (token: string | undefined): void => write(sessionStorageOrNone(), GUEST, token),

  /** The lines of this lobby as this tab saw them. */
  chat: (lobbyId: string): ChatLine[] => {
    try {
      const kept = JSON.parse(read(sessionStorageOrNone(), CHAT) ?? "{}");
      return kept.lobby === lobbyId ? kept.lines : [];
    } catch {
      return [];
    }
  },
  keepChat: (lobbyId: string, lines: ChatLine[]): void =>
    write(sessionStorageOrNone(), CHAT, JSON.stringify({ lobby: lobbyId, lines })),
};

function localStorageOrNone(): Storage | undefined {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}

function sessionStorageOrNone(): Storage | undefined {
  try {
    return sessionStorage;
  } catch {
    return undefined;
  }
}

function read(storage: Storage | undefined, key: string): string | undefined {
  return storage?.getItem(key) ?? undefined;
}

function write(storage: Storage | undefined, key: string, value: string | undefined): void {
  try {
    if (value === undefined) storage?.removeItem(key);
    else storage?.setItem(key, value);
  } catch {
    // Full or forbidden: forgetting is all that happens.
  }
}
