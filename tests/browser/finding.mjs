// How people find each other at the demo site: by the list, and by playing whoever comes.

import { Tab, all, assert, step } from "./tab.mjs";

/** Plays it with three people who are in no lobby, and leaves them in none. */
export async function finding(ada, bob, eve) {
  await step("Ada and Bob play whoever comes, and get each other", async () => {
    await ada.fill("#name", "Ada");
    await ada.click("#quick");
    await ada.sees("#lobby-about", "public lobby · 5+3");
    await bob.fill("#name", "Bob");
    await bob.click("#quick");
    await all([ada, bob], (tab) => tab.sees("#player-bottom", tab.name));
    await ada.sees("#player-top", "Bob");
  });

  await step("Eve finds them in the list, and watches", async () => {
    await eve.sees("#listing li", "2 of 2 seats taken · match on · 5+3");
    await eve.picture("14-list");
    await eve.fill("#name", "Eve");
    await eve.click('#listing li:has-text("5+3") [data-testid=listed-watch]');
    await all([ada, bob, eve], (tab) => tab.sees("#spectators", "1 watching"));
  });

  await step("Bob is gone for half a minute, and Ada claims the victory", async () => {
    const own = await ada.page.locator("#player-bottom").getAttribute("data-side");
    const [white, black] = own === "white" ? [ada, bob] : [bob, ada];
    await white.clickMove("e2", "e4");
    await black.clickMove("e7", "e5");
    await bob.page.close();
    await ada.sees("#player-top .mark", "connection lost");
    await ada.page.locator("#claim").waitFor({ timeout: 60_000 });
    await ada.sees("#status-detail", "Bob is gone");
    await ada.picture("15-claim");
    await ada.click("#claim");
    await ada.sees("#result", "You won because the other side left");
    await eve.sees("#result", "Ada won because the other side left");
  });

  await all([ada, eve], (tab) => tab.leave());

  await step("Flo's line is lost before she hears of her lobby, and there is one all the same", async () => {
    const line = new LosingLine();
    const flo = await Tab.open("Flo", "", (page) => line.follow(page));
    await line.upgraded;
    flo.excused = /WebSocket/;
    const name = `Flo ${process.pid}`;
    await flo.fill("#name", name);
    await flo.click("#public");
    line.losesNextAnswer = true;
    await flo.click("#create");
    await flo.sees("#lobby-about", "public lobby");
    assert(!line.losesNextAnswer, "no answer was lost");
    await ada.sees(`#listing li:has-text("${name}")`);
    const made = await ada.page.locator("#listing li", { hasText: name }).count();
    assert(made === 1, `there are ${made} lobbies of hers`);
    await flo.leave();
    await flo.page.close();
  });
}

/** Between a page and the server: a WebSocket that can be cut when an answer comes along it. */
class LosingLine {
  losesNextAnswer = false;

  async follow(page) {
    let resolve;
    this.upgraded = new Promise((done) => (resolve = done));
    await page.routeWebSocket(/socket\.io/, (near) => {
      const far = near.connectToServer();
      near.onMessage((message) => {
        far.send(message);
        // Engine.IO's word for it.
        if (message === "5") resolve();
      });
      far.onMessage((message) => {
        if (!this.losesNextAnswer || !message.startsWith("43/lobby,")) return near.send(message);
        this.losesNextAnswer = false;
        far.close();
        near.close();
      });
    });
  }
}
