// Plays the demo site in a real browser, as two players and a spectator would: lobby, chat, a whole
// match, a reload in mid-match, a lost connection, a rematch. What the server says on the wire is
// tested elsewhere; here counts what people see.
//
//   node two-tabs.mjs --url http://127.0.0.1:3000 --out DIR
//
// Debian's Chromium is driven by playwright-core. Nothing waits for a fixed time: each step waits
// for what must be seen, with a deadline.

import { audience } from "./audience.mjs";
import { bots } from "./bots.mjs";
import { entrance } from "./entrance.mjs";
import { finding } from "./finding.mjs";
import { queues } from "./queues.mjs";
import { Tab, all, assert, run, step } from "./tab.mjs";

/** As long as a name may be, and new in each run: the server may still list the last one's. */
const LONG_NAME = `Ada ${process.pid} `.padEnd(64, "Lovelace ");

async function play() {
  let ada;
  let bob;
  let eve;
  let code = "";

  await step("the page opens in two tabs and connects", async () => {
    ada = await Tab.open("Ada");
    bob = await Tab.open("Bob");
  });

  await step("Ada creates a private lobby and becomes its host", async () => {
    await ada.picture("1-start");
    await ada.fill("#name", "Ada");
    await ada.click("#create");
    await ada.sees("#seats .seat", "Ada");
    await ada.sees("[data-testid=seat-0] .mark", "host");
    code = (await ada.page.locator("#lobby-code").textContent()) ?? "";
    assert(code.length >= 4, `the join code is “${code}”`);
    assert(ada.page.url().endsWith(`#${code}`), "the address holds the code");
  });

  await step("the public list does not show it", async () => {
    await bob.page.locator("#listing-state, #listing li").first().waitFor();
    const listed = await bob.page.locator("#listing b", { hasText: /^Ada$/ }).count();
    assert(listed === 0, "it is listed");
  });

  await step("a wrong code is refused with its code and sentence", async () => {
    await bob.fill("#name", "Bob");
    await bob.fill("#code", "nosuchcode");
    await bob.click("#join");
    await bob.sees("#notice", "E_NOT_FOUND");
    await bob.click("#notice-close");
  });

  await step("Bob joins by the code, in small letters", async () => {
    await bob.fill("#code", code.toLowerCase());
    await bob.click("#join");
    await all([ada, bob], (tab) => tab.sees("[data-testid=seat-1]", "Bob"));
    await ada.sees("#chat-log .happened", "Bob joined");
  });

  await step("Ada sees that Bob is typing, until he says it", async () => {
    await bob.page.locator("#chat-input").pressSequentially("Good luck");
    await ada.sees("#typing", "Bob is typing");
    await bob.page.locator("#chat-input").press("Enter");
    await all([ada, bob], (tab) => tab.sees("#chat-log .said", "Good luck"));
    await ada.page.locator("#typing:empty").waitFor({ state: "attached" });
  });

  await step("markup in the chat stays text", async () => {
    const text = "<b>Have fun</b> & <img src=x>";
    await ada.fill("#chat-input", text);
    await ada.click("#chat-send");
    await all([ada, bob], (tab) => tab.sees("#chat-log .said", text));
  });

  await step("Bob reacts, and Ada sees it for a moment", async () => {
    await bob.page.locator("#react button", { hasText: "Nice!" }).click();
    await all([ada, bob], (tab) => tab.sees("#reactions .reaction", "Nice!"));
    await ada.picture("2-reaction");
    await ada.seesNo("#reactions .reaction");
  });

  await step("Ada can start only when both are ready", async () => {
    await ada.click("#ready");
    await bob.sees("[data-testid=seat-0] .mark.ready");
    assert(await ada.page.locator("#start-match").isDisabled(), "Start before Bob is ready");
    assert(!(await bob.page.locator("#start-match").isVisible()), "Start for one who is not host");
    await bob.page.locator("#chat-input").pressSequentially("One moment");
    await ada.sees("#typing", "Bob is typing");
    await ada.picture("2-lobby");
    await bob.click("#ready");
    await ada.page.locator("#start-match:enabled").waitFor();
    await ada.click("#start-match");
    await all([ada, bob], (tab) => tab.sees("#countdown", /[123]/));
  });

  await step("Ada stops the countdown, and then lets it run down", async () => {
    await ada.page.locator("#start-match", { hasText: "Stop" }).click();
    await bob.sees("#chat-log .happened", "does not begin yet");
    await bob.seesNo("#countdown");
    await ada.page.locator("#start-match", { hasText: "Start match" }).click();
    await ada.sees("#countdown", "2");
    await ada.picture("2-countdown");
    await all([ada, bob], (tab) => tab.seesPiece("e1", "K"));
    await ada.sees("#status", "Your move");
    await bob.sees("#status", "Waiting for Ada");
    await all([ada, bob], (tab) => tab.inSight("#chat-log > :last-child"));
    await ada.sees("#player-bottom[data-side=white]", "Ada");
    await bob.sees("#player-bottom[data-side=black]", "Bob");
  });

  await step("Eve opens the invitation and watches", async () => {
    eve = await Tab.open("Eve", `#${code}`);
    await eve.fill("#name", "Eve");
    await eve.click("#watch");
    await eve.sees("#status", "Waiting for Ada");
    await all([ada, bob, eve], (tab) => tab.sees("#spectators", "1 watching"));
    assert((await eve.page.locator(".movable").count()) === 0, "a spectator may move");
    assert(!(await eve.page.locator("#resign").isVisible()), "a spectator may resign");
  });

  const everybodySees = (square, piece) =>
    all([ada, bob, eve], (tab) => tab.seesPiece(square, piece));

  await step("an illegal move is refused with its code", async () => {
    await ada.fill("#move-input", "Ke4");
    await ada.click("#move-send");
    await ada.sees("#notice", "E_ILLEGAL_MOVE");
    await ada.picture("3-illegal-move");
    await ada.click("#notice-close");
  });

  await step("1. e4 e5 by clicking, seen by all three", async () => {
    await ada.clickMove("e2", "e4");
    await everybodySees("e4", "P");
    await bob.clickMove("e7", "e5");
    await everybodySees("e5", "p");
    await all([ada, bob, eve], (tab) => tab.sees("#move-list .newest", "e5"));
  });

  await step("2. Bc4", async () => {
    await ada.clickMove("f1", "c4");
    await everybodySees("c4", "B");
    await bob.click(bob.square("b8"));
    await bob.sees(`${bob.square("c6")}.target`);
    await bob.picture("4-mid-game-black");
  });

  await step("Bob reloads in mid-match and is back in his seat", async () => {
    await bob.page.reload();
    await bob.sees("#player-bottom[data-side=black]", "Bob");
    await bob.sees("#status", "Your move");
    await bob.seesPiece("c4", "B");
    await bob.sees("#chat-log .said", "Good luck");
    await bob.clickMove("b8", "c6");
    await everybodySees("c6", "n");
    await ada.seesNo("#player-top .mark");
  });

  await step("3. Qh5 by dragging", async () => {
    await ada.dragMove("d1", "h5");
    await everybodySees("h5", "Q");
  });

  await step("Eve loses the connection, and catches up when it is back", async () => {
    eve.excused = /ERR_INTERNET_DISCONNECTED/;
    await eve.context.setOffline(true);
    await eve.sees("#banner", "connection is lost");
    await bob.clickMove("g8", "f6");
    await all([ada, bob], (tab) => tab.seesPiece("f6", "n"));
    await eve.context.setOffline(false);
    await eve.seesNo("#banner");
    await eve.seesPiece("f6", "n");
    eve.excused = /^$/;
    await ada.sees("#status", "Your move");
    await ada.picture("5-mid-game");
  });

  await step("a phone shows board, status and chat without scrolling sideways", async () => {
    await ada.onPhone("6-phone");
  });

  await step("4. Qxf7# ends the match, and everybody sees how", async () => {
    await ada.clickMove("h5", "f7");
    await ada.sees("#result", "You won by checkmate");
    await bob.sees("#result", "You lost by checkmate");
    await eve.sees("#result", "Ada won by checkmate");
    await all([ada, bob, eve], (tab) => tab.sees("#move-list .newest", "Qxf7#"));
    await all([ada, bob, eve], (tab) => tab.sees(`${tab.square("e8")}.check`));
    await ada.picture("7-mate");
    await bob.page.emulateMedia({ colorScheme: "dark" });
    await bob.picture("8-mate-dark");
    await bob.page.emulateMedia({ colorScheme: "light" });
  });

  await step("a rematch begins when both want it, with the colours swapped", async () => {
    await bob.click("#rematch");
    await ada.sees("#status-detail", "Bob wants a rematch");
    await ada.click("#rematch");
    await bob.sees("#status", "Your move");
    await bob.sees("#player-bottom[data-side=white]", "Bob");
    await ada.sees("#player-bottom[data-side=black]", "Ada");
    await eve.sees("#player-bottom[data-side=white]", "Bob");
    await bob.clickMove("d2", "d4");
    await everybodySees("d4", "P");
  });

  await step("a draw is offered, declined, offered again and accepted", async () => {
    await bob.click("#offer-draw");
    await ada.click("#decline-draw");
    await all([ada, bob, eve], (tab) => tab.sees("#chat-log .happened", "Ada declines the draw"));
    await bob.page.locator("#offer-draw:enabled").waitFor();
    await ada.click("#offer-draw");
    await bob.click("#accept-draw");
    await all([ada, bob, eve], (tab) => tab.sees("#result", "Draw by agreement"));
  });

  await step("Bob leaves, and Ada sees it", async () => {
    await bob.click("#leave");
    await bob.sees("#create");
    await ada.sees("#chat-log .happened", "Bob left");
    await ada.sees("#player-bottom .mark, #player-top .mark", "left");
  });

  await step("Bob takes the free seat again, and a third match begins", async () => {
    await bob.fill("#code", code);
    await bob.click("#join");
    await ada.click("#rematch");
    await bob.sees("#status-detail", "Ada wants a rematch");
    await bob.click("#rematch");
    await all([ada, bob, eve], (tab) => tab.sees("#lobby-title", "Match 3"));
    await ada.sees("#player-bottom[data-side=white]", "Ada");
    await bob.sees("#player-bottom[data-side=black]", "Bob");
  });

  await step("Ada leaves in mid-match, which Bob wins", async () => {
    await ada.click("#leave");
    await ada.sees("#leave", "Leave the match?");
    await ada.click("#leave");
    await ada.sees("#create");
    await bob.sees("#result", "You won because the other side left");
    await eve.sees("#result", "Bob won");
    await bob.click("#leave");
    await bob.sees("#create");
  });

  await step("a public lobby is found in the list, and a resignation ends its match", async () => {
    await ada.fill("#name", LONG_NAME);
    await ada.click("#public");
    await ada.page.locator("#create-clock").selectOption("3+2");
    await ada.click("#create");
    await ada.sees("#lobby-about", "public lobby · 3+2");
    await bob.sees(`#listing li:has-text("${LONG_NAME}")`, "3+2");
    await bob.click(`#listing li:has-text("${LONG_NAME}") [data-testid=listed-join]`);
    await bob.onPhone("9-lobby-phone");
    await bob.click("#ready");
    await ada.click("#ready");
    await ada.page.locator("#start-match:enabled").click();
    await bob.sees("#status", "Waiting for Ada");
    await bob.onPhone("10-long-name-phone");
    await all([ada, bob], (tab) => tab.sees(".clock.runs", "first move 0:"));
    await ada.clickMove("e2", "e4");
    await bob.clickMove("e7", "e5");
    await all([ada, bob], (tab) => tab.sees(".clock.runs[data-clock=white]", "2:5"));
    await bob.picture("10-clocks");
    await bob.click("#resign");
    await bob.sees("#resign", "Really resign?");
    await bob.click("#resign");
    await bob.sees("#result", "You lost by resignation");
    await ada.sees("#result", "You won by resignation");
    await all([ada, bob, eve], (tab) => tab.leave());
  });

  await bots(ada, bob);
  await entrance(ada, bob, eve);
  await audience(ada, bob, eve);
  await queues(ada, bob);
  await finding(ada, bob, eve);
}

await run(play);
