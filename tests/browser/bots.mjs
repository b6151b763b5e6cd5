// How people play with the computer at the demo site: bots that a host seats, bots that fill what
// is free and make way for people.

import { all, assert, step } from "./tab.mjs";

/** Plays it with two people who are in no lobby, and leaves them in none. */
export async function bots(ada, bob) {
  let code = "";

  await step("Ada seats a bot, and sends it away", async () => {
    await ada.fill("#name", "Ada");
    await ada.click("#private");
    await ada.page.locator("#create-clock").selectOption("");
    await ada.click("#create");
    await ada.click("[data-testid=seat-1] [data-testid=add-bot]");
    await ada.sees("[data-testid=seat-1] .mark", "bot");
    await ada.sees("#chat-log .happened", "Bot takes a seat");
    await ada.page.locator("#start-match:enabled").waitFor();
    assert(!(await ada.page.locator("[data-testid=make-host]").isVisible()), "a bot may be host");
    await ada.picture("16-bot");
    await ada.click("[data-testid=seat-1] [data-testid=kick]");
    await ada.sees("[data-testid=seat-1]", "Free seat");
    code = (await ada.page.locator("#lobby-code").textContent()) ?? "";
  });

  await step("a seat that stays free is filled as the match begins, and the bot moves", async () => {
    assert(await ada.page.locator("#start-match").isDisabled(), "Start alone");
    await ada.page.locator("#set-fill").check();
    await ada.sees("[data-testid=seat-1]", "or a bot’s");
    await ada.sees("#gathering-hint", "start the match against a bot");
    await ada.onPhone("16-fill-phone");
    await ada.click("#start-match");
    await ada.sees("#player-top .mark", "bot");
    await ada.clickMove("e2", "e4");
    await ada.sees("#move-list li:first-child .san:nth-child(3).newest", /\w/);
    await ada.sees("#status", "Your move");
    await ada.picture("17-against-a-bot");
  });

  await step("Bob comes after the match, and the bot makes way", async () => {
    await ada.click("#resign");
    await ada.click("#resign");
    await ada.sees("#result", "You lost by resignation");
    await bob.fill("#name", "Bob");
    await bob.fill("#code", code);
    await bob.click("#join");
    await ada.sees("#chat-log .happened", "Bot makes way");
    await ada.sees("#chat-log .happened", "Bob joined");
    await all([ada, bob], (tab) => tab.click("#rematch"));
    await all([ada, bob], (tab) => tab.sees("#player-bottom", tab.name));
    await ada.sees("#player-top", "Bob");
    await all([ada, bob], (tab) => tab.leave());
  });

  await step("Ada plays the computer, and wants another match, which it does too", async () => {
    await ada.click("#computer");
    await ada.sees("#player-top", "Bot");
    await ada.click("#resign");
    await ada.click("#resign");
    await ada.sees("#result", "You lost by resignation");
    await ada.click("#rematch");
    await ada.sees("#lobby-title", "Match 2");
    await ada.leave();
  });
}
