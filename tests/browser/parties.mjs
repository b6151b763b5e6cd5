// How friends at the demo site gather in a party, and look for a game together; and what people see
// of their rating after a match that counts. At a server with queues of its own (run.py).
//
//   node parties.mjs --url http://127.0.0.1:3000 --out DIR

import { Tab, all, assert, run, step } from "./tab.mjs";

const queue = (name) => `[data-queue=${name}]`;
const codeOf = (tab) => tab.page.locator("#party-code").textContent();
/** Which way the page tells the server to go, once it is told, by what is done then. */
async function steered(tab, act) {
  await tab.page.evaluate(() => {
    const { send } = WebSocket.prototype;
    window.steered = undefined;
    WebSocket.prototype.send = function (data) {
      const told = /"steer","x":([-\d.]+),"y":([-\d.]+)/.exec(data);
      if (told) {
        window.steered = { x: Number(told[1]), y: Number(told[2]) };
        WebSocket.prototype.send = send;
      }
      return send.call(this, data);
    };
  });
  await act();
  return (await tab.page.waitForFunction(() => window.steered)).jsonValue();
}

const isAt = (tab, selector) =>
  tab.page.waitForFunction((which) => document.activeElement?.matches(which), selector);

/** Sees a member of the party with these marks. */
const seesMember = (tab, name, mark) =>
  tab.sees(`#party-members li:has-text("${name}") .mark`, mark);

/** Who sees the page from another address than all others: rated matches want that. */
let nAddresses = 0;
function elsewhere(page) {
  nAddresses += 1;
  return page.setExtraHTTPHeaders({ "X-Forwarded-For": `198.18.0.${nAddresses}` });
}

async function play() {
  let ada;
  let bob;
  let eve;
  let code = "";

  await step("Ada makes a party, and its code is in the address", async () => {
    ada = await Tab.open("Ada");
    await ada.sees("#party-title", "Play with friends");
    await ada.sees(queue("arena"), "parties up to 4");
    await ada.sees(queue("ranked"), /^Ranked rated$/);
    await ada.picture("30-friends");
    await ada.click("#found-party");
    await ada.sees("#notice", "enter your name");
    await ada.fill("#name", "Ada");
    await ada.page.locator("#found-party").focus();
    await ada.page.keyboard.press("Enter");
    await ada.sees("#party-title", "Your party");
    await seesMember(ada, "Ada", "leader");
    await ada.sees("#party-state", "Send friends the code");
    await isAt(ada, "#party button");
    code = await codeOf(ada);
    assert(/^[A-Z0-9]{6}$/.test(code), `the code is “${code}”`);
    assert(ada.page.url().endsWith(`?party=${code}`), `the address is ${ada.page.url()}`);
    await ada.context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await ada.click("#copy-party");
    await ada.sees("#notice", "Link copied");
    const copied = await ada.page.evaluate(() => navigator.clipboard.readText());
    assert(copied === ada.page.url(), `what is copied is ${copied}`);
  });

  await step("Bob follows the link, Eve types the code, and a wrong one is refused", async () => {
    bob = await Tab.open("Bob", `?party=${code}`);
    await isAt(bob, "#name");
    await bob.fill("#name", "Bob");
    assert((await bob.page.locator("#party-input").inputValue()) === code, "the code is not there");
    await bob.click("#join-party");
    eve = await Tab.open("Eve");
    await eve.fill("#name", "Eve");
    await eve.fill("#party-input", "nosuch");
    await eve.click("#join-party");
    await eve.sees("#notice", "E_NOT_FOUND");
    await eve.fill("#party-input", ` ${code.slice(0, 3).toLowerCase()}-${code.slice(3)}`);
    await eve.page.keyboard.press("Enter");
    for (const tab of [ada, bob, eve]) {
      for (const name of ["Bob", "Eve"]) await seesMember(tab, name, "not ready");
    }
    assert(eve.page.url().endsWith(`?party=${code}`), "the address does not invite");
  });

  await step("the leader waits for all, and queues for two take no three", async () => {
    await ada.sees("#party-state", "Waiting for Bob and Eve to be ready");
    await bob.sees("#party-state", "Say when you are ready");
    await all([bob, eve], (tab) => tab.click("#party-ready"));
    await all([ada, bob, eve], (tab) => seesMember(tab, "Eve", /^ready$/));
    await ada.sees("#party-state", "All are ready");
    await bob.sees("#party-state", "Ada can look for a game now");
    for (const name of ["asked", "ranked"]) await ada.sees(`${queue(name)}:disabled`);
    await bob.sees(`${queue("arena")}:disabled`);
    await ada.sees(`${queue("arena")}:enabled`);
    await ada.picture("31-party");
    await ada.onPhone("31-party-phone");
    await bob.picture("31-party-member");
  });

  await step("Ada looks for a game, and all three are in one lobby", async () => {
    await ada.click(queue("arena"));
    await all([ada, bob, eve], (tab) => tab.sees("#arena-state", "Steer your circle"));
    for (const tab of [ada, bob, eve]) {
      for (const name of ["Ada", "Bob", "Eve"]) await tab.sees("#arena-players li", name);
    }
    const codes = await Promise.all(
      [ada, bob, eve].map((tab) => tab.page.locator("#lobby-code").textContent()),
    );
    assert(new Set(codes).size === 1, `the lobbies are ${codes}`);
  });

  await step("they steer their circles, by keys and by pressing", async () => {
    const drawn = () => bob.page.locator("#arena-canvas").evaluate((canvas) => canvas.toDataURL());
    await isAt(ada, "#arena-canvas");
    const right = await steered(ada, () => ada.page.keyboard.down("ArrowRight"));
    assert(right.x === 1 && right.y === 0, `Ada heads for ${JSON.stringify(right)}`);
    const rest = await steered(ada, () => ada.page.keyboard.up("ArrowRight"));
    assert(rest.x === 0 && rest.y === 0, `Ada goes on for ${JSON.stringify(rest)}`);
    const was = await drawn();
    const canvas = await bob.page.locator("#arena-canvas").boundingBox();
    await bob.page.mouse.move(canvas.x + 5, canvas.y + 5);
    await steered(bob, () => bob.page.mouse.down());
    await bob.page.waitForFunction(
      (old) => document.querySelector("#arena-canvas").toDataURL() !== old,
      was,
    );
    await bob.page.mouse.up();
    await ada.picture("37-arena");
    await ada.onPhone("37-arena-phone");
  });

  await step("when the time is up they play once more, and leave", async () => {
    const over = ada.page.locator("#arena-state", { hasText: "The time is up" });
    await over.waitFor({ timeout: 30_000 });
    await all([ada, bob, eve], (tab) => tab.click("#arena-again"));
    await all([ada, bob, eve], (tab) => tab.sees("#lobby-title", "Match 2"));
    await ada.sees("#chat-log .happened", "The match is over");
    await all([ada, bob, eve], (tab) => tab.leave());
    await all([ada, bob, eve], (tab) => seesMember(tab, "Eve", "not ready"));
  });

  await step("Ada sends Eve away, who does not come back by the old code", async () => {
    const kick = ada.page.locator('#party-members li:has-text("Eve") [data-testid=party-kick]');
    await kick.focus();
    await ada.page.keyboard.press("Enter");
    await kick.filter({ hasText: "Really?" }).waitFor();
    await ada.page.keyboard.press("Enter");
    await eve.sees("#party-state", "The leader sent you out");
    assert(!eve.page.url().includes("party"), "the address of who is in no party invites");
    await eve.fill("#party-input", code);
    await eve.click("#join-party");
    await eve.sees("#notice", "E_NOT_FOUND");
    await all([ada, bob], (tab) => tab.sees(`#party-code:not(:has-text("${code}"))`));
    code = await codeOf(ada);
    assert(bob.page.url().endsWith(`?party=${code}`), "the address holds the old code");
  });

  await step("they are a party still after a reload", async () => {
    await bob.page.reload();
    await seesMember(bob, "Ada", "leader");
    await seesMember(ada, "Bob", "not ready");
    assert(bob.page.url().endsWith(`?party=${code}`), "the address does not invite");
    await bob.page.goto(`${new URL(bob.page.url()).origin}/?party=XXXXXX`);
    await bob.sees("#notice", `You are still in party ${code}`);
    await bob.sees(`#party-code:has-text("${code}")`);
  });

  await step("a friend whose line is lost is waited for, and comes back", async () => {
    await bob.click("#party-ready");
    await ada.sees("#party-state", "All are ready");
    bob.excused = /ERR_INTERNET_DISCONNECTED/;
    await bob.context.setOffline(true);
    await bob.sees("#banner", "connection is lost");
    await seesMember(ada, "Bob", "connection lost");
    await ada.sees("#party-state", "Waiting for Bob");
    await ada.sees(`${queue("arena")}:disabled`);
    await ada.picture("32-away");
    await bob.context.setOffline(false);
    await seesMember(ada, "Bob", /^ready$/);
    bob.excused = /^$/;
  });

  await step("all hear how it goes on with the ticket, and why it has ended", async () => {
    await ada.page.locator(`${queue("slow")}:enabled`).click();
    await all([ada, bob], (tab) => tab.sees("#finding-title", "Waiting for Slow"));
    await bob.sees("#finding-facts", "You are first in line");
    await bob.picture("33-waiting");
    await bob.onPhone("33-waiting-phone");
    await bob.click("#cancel-ticket");
    await bob.sees("#finding-state", "You wait no more");
    await ada.sees("#finding-state", "Somebody of your party wants to wait no more");
    await ada.page.locator(`${queue("slow")}:enabled`).click();
    await bob.sees("#finding-title", "Waiting for Slow");
    await eve.fill("#party-input", code);
    await eve.click("#join-party");
    await all([ada, bob], (tab) => tab.sees("#finding-state", "Somebody came into your party"));
    await eve.click("#leave-party");
    await eve.sees("#found-party");
  });

  await step("Bob leads now, and who opens a lobby instead is not ready any more", async () => {
    await ada.click("[data-testid=party-promote]");
    await all([ada, bob], (tab) => seesMember(tab, "Bob", "leader"));
    await ada.click("#party-ready");
    await bob.sees("#party-state", "All are ready");
    await ada.click("#create");
    await ada.sees("#lobby-code");
    await bob.sees("#party-state", "Waiting for Ada to be ready");
    await ada.leave();
    await ada.sees("#party-state", "Say when you are ready; Bob looks for a game");
  });

  await step("who is asked is brought to the question, wherever on the page", async () => {
    await ada.click("#party-ready");
    await ada.page.locator("#create-password").evaluate((input) => {
      input.closest("details").open = true;
      input.focus();
    });
    await bob.page.locator(`${queue("asked")}:enabled`).click();
    await all([ada, bob], (tab) => tab.sees("#finding h2", "Match found"));
    await all([ada, bob], (tab) => isAt(tab, "#finding-title"));
    const alarm = ada.page.locator("#finding-alarm[role=alert]");
    await alarm.filter({ hasText: /Match found: .* \d+ seconds/ }).waitFor();
    await ada.picture("34-asked");
    await ada.onPhone("34-asked-phone");
    await ada.page.keyboard.press("Tab");
    await isAt(ada, "#accept-match");
    await ada.page.keyboard.press("Enter");
    await ada.sees("#finding-state", "You have accepted. 1 of 2");
    await bob.page.keyboard.press("Tab");
    await bob.page.keyboard.press("Tab");
    await bob.page.keyboard.press("Enter");
    await bob.sees("#finding-state", "You declined the match");
    await ada.sees("#finding-state", "Somebody of your party declined the match");
    await bob.page.locator(queue("asked")).click();
    await bob.sees("#notice", "E_COOLDOWN");
  });

  await step("who leaves is in no party, and the other leads it", async () => {
    await bob.click("#leave-party");
    await bob.sees("#party-title", "Play with friends");
    await isAt(bob, "#party button");
    await seesMember(ada, "Ada", "leader");
    await ada.click("#leave-party");
    await ada.sees("#party-title", "Play with friends");
    assert(!ada.page.url().includes("party"), "the address of who is in no party invites");
  });

  await step("a rated match tells both what it has made of their rating", async () => {
    const cat = await Tab.open("Cat", "", elsewhere);
    const dan = await Tab.open("Dan", "", elsewhere);
    for (const tab of [cat, dan]) {
      await tab.fill("#name", tab.name);
      await tab.sees(queue("ranked"), "rated");
      await tab.click(queue("ranked"));
    }
    await all([cat, dan], (tab) => tab.sees("#board .square [class~=piece]"));
    const isWhite = await cat.page.locator("#player-bottom[data-side=white]").isVisible();
    const [white, black] = isWhite ? [cat, dan] : [dan, cat];
    await white.clickMove("e2", "e4");
    await black.clickMove("e7", "e5");
    await white.click("#resign");
    await white.click("#resign");
    await white.sees("#result", "You lost by resignation");
    await white.sees("#chat-log .happened", /Your rating in chess\/ranked: 1\d{3} \(−\d+\)/);
    await black.sees("#chat-log .happened", /Your rating in chess\/ranked: 1\d{3} \(\+\d+\)/);
    await black.picture("35-rated-lobby");
    await all([cat, dan], (tab) => tab.leave());
    await black.sees("#finding-rated", /Your rating in chess\/ranked: 1\d{3} \(\+\d+\)/);
    await black.picture("36-rated");
  });
}

await run(play);
