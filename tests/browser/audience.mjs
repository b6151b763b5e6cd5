// The audience at the demo site: who watches without a name, from the list or by a link, is counted,
// hears no chat, and votes on what the host asks.

import { Tab, all, assert, step } from "./tab.mjs";

/** Plays it with three people who are in no lobby, and leaves them in none. */
export async function audience(ada, bob, eve) {
  let dan;
  let code = "";
  const counts = (tabs, n) => all(tabs, (tab) => tab.sees("#spectators", `${n} in the audience`));

  await step("Eve watches from the audience, found in the list, without a name", async () => {
    const name = `Ada ${process.pid}`;
    await ada.fill("#name", name);
    await ada.click("#public");
    await ada.click("#create");
    await ada.sees("#lobby-about", "public lobby");
    code = (await ada.page.locator("#lobby-code").textContent()) ?? "";
    await bob.fill("#name", "Bob");
    await bob.fill("#code", code);
    await bob.click("#join");
    await eve.fill("#name", "");
    await eve.onPhone("18-list-phone");
    await eve.click(`#listing li:has-text("${name}") [data-testid=listed-audience]`);
    await eve.sees("#audience-hint");
    await counts([ada, bob, eve], 1);
    assert(eve.page.url().endsWith(`#${code}/audience`), "her address leads into the audience");
    for (const part of ["#chat-form", "#react", "#ready", "#ask", "[data-testid=add-bot]"])
      assert(!(await eve.page.locator(part).isVisible()), `the audience has ${part}`);
  });

  await step("Dan comes by a link into the audience, and sees the match begin", async () => {
    dan = await Tab.open("Dan", `#${code}/audience`);
    await dan.sees("#audience-hint");
    await counts([ada, bob, eve, dan], 2);
    await ada.fill("#chat-input", "Not for everybody");
    await ada.click("#chat-send");
    await bob.sees("#chat-log .said", "Not for everybody");
    await bob.click("#ready");
    await ada.page.locator("#start-match:enabled").click();
    await ada.clickMove("e2", "e4");
    await all([ada, bob, eve, dan], (tab) => tab.seesPiece("e4", "P"));
    assert((await dan.page.locator("#chat-log .said").count()) === 0, "the audience hears chat");
    await dan.sees("#chat-log .happened", "The match begins");
  });

  await step("Ada asks those who watch, and their votes are seen as they come", async () => {
    await ada.click("#ask");
    await ada.fill("#poll-ask", "Who is going to win?");
    await ada.page.getByLabel("Answer 1").fill("White");
    await ada.page.getByLabel("Answer 2").fill("Black");
    await ada.click("#poll-more");
    await ada.page.getByLabel("Answer 3").fill("Nobody");
    await ada.picture("18-poll-sheet");
    await ada.page.locator("#poll-seconds").selectOption("10");
    await ada.click("#poll-send");
    await all([ada, bob, eve, dan], (tab) => tab.sees("#poll-question", "Who is going to win?"));
    const option = (tab, text) => tab.page.locator("#poll .option", { hasText: text });
    assert(await option(bob, "White").isDisabled(), "a player may vote");
    await option(eve, "White").click();
    await option(dan, "Black").click();
    await all([ada, bob, eve, dan], (tab) => tab.sees("#poll .option", /Black\s*1/));
    await option(dan, "White").click();
    await all([ada, bob, eve, dan], (tab) => tab.sees("#poll .option", /White\s*2/));
    await dan.sees("#poll .option[aria-pressed=true]", "White");
    await ada.picture("19-poll");
    await dan.onPhone("19-poll-phone");
  });

  await step("the result stands in the log, also of who was away a moment", async () => {
    eve.excused = /ERR_INTERNET_DISCONNECTED/;
    await eve.context.setOffline(true);
    await eve.sees("#banner", "connection is lost");
    await eve.context.setOffline(false);
    await eve.seesNo("#banner");
    eve.excused = /^$/;
    await eve.sees("#audience-hint");
    const result = "Who is going to win? — White: ";
    await all([ada, bob, eve, dan], (tab) => tab.sees("#chat-log .happened", result));
    await all([ada, bob, eve, dan], (tab) => tab.seesNo("#poll"));
    await counts([ada, bob, eve, dan], 2);
    await bob.clickMove("e7", "e5");
    await all([ada, eve, dan], (tab) => tab.seesPiece("e5", "p"));
  });

  await step("Dan reloads and is in the audience again, until everybody has left", async () => {
    await dan.page.reload();
    await dan.sees("#audience-hint");
    await dan.seesPiece("e5", "p");
    await all([ada, bob], (tab) => tab.leave());
    await all([eve, dan], (tab) => tab.sees("#notice", "everybody has left it"));
    await all([eve, dan], (tab) => tab.sees("#create"));
  });
  await dan.page.close();
}
