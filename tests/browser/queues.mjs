// How people wait for a match at the demo site, and get one: queues in which nobody is asked.

import { all, assert, step } from "./tab.mjs";

/** From the second click on until both see the board. */
const PLAYING_WITHIN_MS = 2_000;

/** Which ticket this tab keeps, if any. */
const ticketOf = (tab) => tab.page.evaluate(() => sessionStorage.getItem("parlor.ticket"));

/** Plays it with two people who are in no lobby, and leaves them in none. */
export async function queues(ada, bob) {
  const both = [ada, bob];

  await step("Ada waits for a game, is told how it stands, and cancels", async () => {
    await ada.sees("[data-queue=bullet]", "1+0");
    await ada.sees("[data-queue=rapid]", "10+5");
    await ada.picture("20-queues");
    await ada.fill("#name", "Ada");
    await ada.click("[data-queue=blitz]");
    await ada.sees("#finding-title", "Waiting for Blitz");
    await ada.sees("#finding-facts", "You are first in line");
    await ada.sees("#finding-why", "Nobody else waits");
    await ada.sees("#finding-time", /^0:0[1-9]/);
    await ada.seesNo("[data-queue]");
    await ada.picture("21-waiting");
    await ada.onPhone("21-waiting-phone");
    await bob.sees("[data-queue=blitz]", "1 waiting");
    await ada.click("#cancel-ticket");
    await ada.sees("#finding-state", "You wait no more");
    await ada.sees("[data-queue=blitz]");
    assert((await ticketOf(ada)) === null, "the ticket is kept");
  });

  await step("the keyboard goes on where it was", async () => {
    const isAt = (selector) =>
      ada.page.waitForFunction((which) => document.activeElement?.matches(which), selector);
    await ada.page.locator("[data-queue=blitz]").focus();
    await ada.page.keyboard.press("Enter");
    await isAt("#cancel-ticket");
    await ada.page.keyboard.press("Enter");
    await isAt("[data-queue]");
  });

  await step("Ada waits again, and still does after a reload and without a line", async () => {
    await ada.click("[data-queue=rapid]");
    await ada.sees("#finding-facts", "You are first in line");
    const ticket = await ticketOf(ada);
    await ada.sees("#finding-time", /^0:0[2-9]/);
    await ada.page.reload();
    await ada.sees("#finding-title", "Waiting for Rapid");
    await ada.sees("#finding-time", /^0:0[2-9]/);
    await ada.sees("#finding-facts", "You are first in line");
    ada.excused = /ERR_INTERNET_DISCONNECTED/;
    await ada.context.setOffline(true);
    await ada.sees("#finding-state", "Offline: your place in the queue is kept");
    await ada.context.setOffline(false);
    await ada.sees("#finding-state", "Looking for somebody");
    await ada.page.locator("#cancel-ticket:enabled").waitFor();
    ada.excused = /^$/;
    assert(ticket !== null && (await ticketOf(ada)) === ticket, "it is another ticket");
  });

  await step("who opens a lobby instead waits no more", async () => {
    await ada.click("#private");
    await ada.click("#create");
    await ada.sees("#lobby-code");
    await ada.page.waitForFunction(() => sessionStorage.getItem("parlor.ticket") === null);
    await ada.leave();
    await ada.sees("[data-queue=rapid]");
    await bob.page.locator("[data-queue=rapid]", { hasNotText: "waiting" }).waitFor();
  });

  await step("Ada and Bob queue for blitz, and play within two seconds", async () => {
    await bob.fill("#name", "Bob");
    await ada.click("[data-queue=blitz]");
    await ada.sees("#finding-facts", "You are first in line");
    await bob.page.locator("[data-queue=blitz]").click();
    const clicked = performance.now();
    await all(both, (tab) => tab.sees("#board .square [class~=piece]"));
    await all(both, (tab) => tab.sees("#status", /Your move|Waiting for/));
    const took = Math.round(performance.now() - clicked);
    console.log(`# ${took} ms from the second click to two boards`);
    assert(took < PLAYING_WITHIN_MS, `it took ${took} ms`);
  });

  await step("a move goes across, and their tickets have ended", async () => {
    const isWhite = await ada.page.locator("#player-bottom[data-side=white]").isVisible();
    const [white, black] = isWhite ? [ada, bob] : [bob, ada];
    await white.sees("#player-top", black.name);
    await all(both, (tab) => tab.sees(".clock", "3:0"));
    await white.clickMove("e2", "e4");
    await all(both, (tab) => tab.seesPiece("e4", "P"));
    await black.clickMove("e7", "e5");
    await all(both, (tab) => tab.seesPiece("e5", "p"));
    // Of the two one had come first, and saw the other come.
    await all(both, (tab) => tab.seesNo("#chat-log .happened:has-text('is back')"));
    for (const tab of both) {
      await tab.page.waitForFunction(() => sessionStorage.getItem("parlor.ticket") === null);
    }
    await ada.picture("22-matched");
    await ada.page.reload();
    await ada.seesPiece("e5", "p");
    await all(both, (tab) => tab.leave());
    await all(both, (tab) => tab.sees("[data-queue=blitz]"));
  });
}
