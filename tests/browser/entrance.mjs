// How a host runs a lobby at the demo site, and what those meet who come to it.

import { all, assert, step } from "./tab.mjs";

/** Plays it with three people who are in no lobby, and leaves them in none. */
export async function entrance(ada, bob, eve) {
  let code = "";

  await step("Ada opens an unlisted lobby with a password", async () => {
    await ada.fill("#name", "Ada");
    await ada.click("#unlisted");
    await ada.page.locator("#create-clock").selectOption("");
    await ada.click("#create-form summary");
    await ada.fill("#create-password", "open sesame");
    await ada.click("#create");
    await ada.sees("#lobby-about", "unlisted lobby · password");
    code = await ada.page.locator("#lobby-code").textContent();
  });

  await step("Bob is asked for it, is wrong, and then is right", async () => {
    await bob.fill("#name", "Bob");
    await bob.fill("#code", code);
    await bob.click("#join");
    await bob.sees("#password-dialog");
    await bob.picture("11-password");
    await bob.fill("#password-input", "barley");
    await bob.click("#password-send");
    await bob.sees("#notice", "E_PASSWORD");
    await bob.click("#join");
    await bob.fill("#password-input", "open sesame");
    await bob.click("#password-send");
    await all([ada, bob], (tab) => tab.sees("[data-testid=seat-1]", "Bob"));
  });

  await step("Bob takes another colour, but not Ada's", async () => {
    const own = await ada.page.locator("[data-testid=seat-0] .avatar").getAttribute("data-colour");
    assert(await bob.page.locator(`.swatch[data-colour=${own}]`).isDisabled(), "Ada's is offered");
    await bob.click(".swatch[data-colour=teal]");
    await all([ada, bob], (tab) => tab.sees("[data-testid=seat-1] .avatar[data-colour=teal]"));
  });

  await step("Bob does not hear Ada for a while", async () => {
    const mute = "[data-testid=seat-0] [data-testid=mute]";
    const say = async (text) => {
      await ada.fill("#chat-input", text);
      await ada.click("#chat-send");
      await ada.sees("#chat-log .said", text);
    };
    await bob.click(mute);
    await bob.sees(`${mute}[aria-pressed=true]`);
    await say("Do you hear me?");
    await bob.page.reload();
    await bob.click(`${mute}[aria-pressed=true]`);
    await bob.sees(`${mute}[aria-pressed=false]`);
    await say("And now?");
    await bob.sees("#chat-log .said", "And now?");
    const heard = await bob.page.locator("#chat-log .said", { hasText: "Do you hear" }).count();
    assert(heard === 0, "Bob heard her");
  });

  await step("who is known to another server is somebody new to this one", async () => {
    // The stock client ends the session in which it was refused while a poll is under way.
    eve.excused = /status of 400/;
    await eve.page.evaluate(() => sessionStorage.setItem("parlor.guest", "not of this server"));
    await eve.page.reload();
    await eve.sees("#line", "connected");
    const token = await eve.page.evaluate(() => sessionStorage.getItem("parlor.guest"));
    assert(token !== null && !token.includes("server"), "she is the one she was");
    eve.excused = /^$/;
  });

  await step("Ada locks the lobby, so that Eve does not get in", async () => {
    assert(!(await bob.page.locator("#host-settings").isVisible()), "Bob may change settings");
    await ada.click("#lock");
    await all([ada, bob], (tab) => tab.sees("#lobby-about", "locked"));
    await ada.picture("12-host");
    await ada.onPhone("13-host-phone");
    await eve.fill("#name", "Eve");
    await eve.fill("#code", code);
    await eve.click("#watch");
    await eve.sees("#password-dialog");
    await eve.fill("#password-input", "open sesame");
    await eve.click("#password-send");
    await eve.sees("#notice", "E_LOCKED");
  });

  await step("Ada makes Bob host, who opens it to everybody", async () => {
    await ada.click("[data-testid=make-host]");
    await all([ada, bob], (tab) => tab.sees("[data-testid=seat-1] .mark", "host"));
    await ada.seesNo("#host-settings");
    await bob.click("#lock");
    await bob.page.locator("#set-visibility").selectOption("public");
    await bob.click("#set-password-send");
    await ada.page.locator("#lobby-about", { hasText: /^public lobby$/ }).waitFor();
    await eve.click("#watch");
    await all([ada, bob, eve], (tab) => tab.sees("#spectators", "1 watching"));
  });

  await step("Bob sends Ada away, who hears of it", async () => {
    await bob.click("[data-testid=kick]");
    await bob.sees("[data-testid=kick]", "Really?");
    await bob.click("[data-testid=kick]");
    await ada.sees("#notice", "sent you away");
    await ada.sees("#create");
    await bob.sees("#chat-log .happened", "Ada was sent away");
    await bob.sees("[data-testid=seat-0]", "Free seat");
  });

  await all([ada, bob, eve], (tab) => tab.leave());
}
