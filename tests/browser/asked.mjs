// How people at the demo site say yes or no to a match that the matchmaker proposes, at a server
// with one queue, `asked`, in which everybody has ten seconds to accept, and then two to come.
//
//   node asked.mjs --url http://127.0.0.1:3000 --out DIR

import { Tab, all, assert, run, step } from "./tab.mjs";

const queue = "[data-queue=asked]";

async function play() {
  let ada;
  let bob;
  let eve;
  const accepted = (tab) => tab.sees("#finding-state", "You have accepted. 1 of 2");

  await step("Ada and Bob wait, and are asked whether they want to play", async () => {
    ada = await Tab.open("Ada");
    bob = await Tab.open("Bob");
    eve = await Tab.open("Eve");
    for (const tab of [ada, bob]) {
      await tab.fill("#name", tab.name);
      await tab.click(queue);
    }
    await all([ada, bob], (tab) => tab.sees("#finding-title", "Match found"));
    await all([ada, bob], (tab) => tab.sees("#finding-state", "0 of 2 have accepted"));
    await all([ada, bob], (tab) => tab.sees("#finding-time", /^0:(10|0\d)$/));
    assert((await bob.page.title()) === "Match found · Parlor", "the title does not tell");
    await bob.picture("23-proposed");
    await bob.onPhone("23-proposed-phone");
  });

  await step("Ada accepts, Bob declines, and Ada waits on", async () => {
    await ada.click("#accept-match");
    await accepted(ada);
    await ada.seesNo("#accept-match");
    await bob.sees("#finding-state", "1 of 2 have accepted");
    await bob.click("#decline-match");
    await bob.sees("#finding-state", "You declined the match");
    await ada.sees("#finding-state", "Somebody else did not want to play");
    await ada.page.locator("#cancel-ticket:enabled").waitFor();
    await ada.picture("24-declined");
  });

  await step("Bob is refused for a while, and told for how long", async () => {
    await bob.click(queue);
    await bob.sees("#notice", "E_COOLDOWN");
    await bob.sees("#notice", /wait \d+ s/);
    await bob.sees(queue);
    await bob.picture("25-cool-down");
  });

  await step("Eve comes, is asked, and after a reload still is", async () => {
    await eve.fill("#name", "Eve");
    await eve.click(queue);
    await all([ada, eve], (tab) => tab.sees("#finding-title", "Match found"));
    await eve.page.reload();
    await eve.sees("#finding-title", "Match found");
    await eve.page.locator("#accept-match:enabled").waitFor();
  });

  await step("both accept, and play", async () => {
    await ada.click("#accept-match");
    await accepted(ada);
    await eve.click("#accept-match");
    await all([ada, eve], (tab) => tab.sees("#player-bottom", tab.name));
    await ada.sees("#player-top", "Eve");
    const isWhite = await ada.page.locator("#player-bottom[data-side=white]").isVisible();
    await (isWhite ? ada : eve).clickMove("d2", "d4");
    await all([ada, eve], (tab) => tab.seesPiece("d4", "P"));
    // Who leaves a match that is on has to wait before the next.
    await ada.click("#resign");
    await ada.click("#resign");
    await all([ada, eve], (tab) => tab.sees("#result", "by resignation"));
    await all([ada, eve], (tab) => tab.leave());
  });

  await step("Eve accepts and is gone, and Ada, who has come, waits on", async () => {
    await all([ada, eve], (tab) => tab.click(queue));
    await all([ada, eve], (tab) => tab.sees("#finding-title", "Match found"));
    await eve.click("#accept-match");
    await accepted(eve);
    eve.excused = /ERR_INTERNET_DISCONNECTED/;
    await eve.context.setOffline(true);
    await eve.sees("#banner", "connection is lost");
    await ada.click("#accept-match");
    await ada.sees("#gathering-hint", "as soon as everybody has come");
    await ada.seesNo("#ready, #host-settings");
    await ada.sees(".seat .mark.away", "not here yet");
    await ada.picture("26-waiting-for-eve");
    await ada.sees("#finding-state", "Somebody else did not come");
    await ada.sees("#notice", "not all of its players came");
    await eve.context.setOffline(false);
    await eve.sees("#finding-state", "You did not come to your match");
    eve.excused = /^$/;
  });

  await step("who does not answer waits no more, and is told why", async () => {
    const fay = await Tab.open("Fay");
    await fay.fill("#name", "Fay");
    await fay.click(queue);
    await all([ada, fay], (tab) => tab.sees("#finding-title", "Match found"));
    await ada.click("#accept-match");
    await fay.page.locator("#finding-state", { hasText: "did not answer in time" }).waitFor({
      timeout: 20_000,
    });
    await ada.sees("#finding-state", "Somebody else did not answer in time");
    await ada.click("#cancel-ticket");
    await ada.sees(queue);
  });
}

await run(play);
