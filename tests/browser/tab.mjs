// A person at the demo site in a browser of their own, and the steps that people do there. Any
// error on a page or its console fails the step.

import { mkdir } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const BROWSER = "/usr/bin/chromium";
const BROWSER_ARGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const DEADLINE_MS = 10_000;
const DESKTOP = { width: 1280, height: 860 };
const PHONE = { width: 390, height: 844 };

const { values: options } = parseArgs({
  options: { url: { type: "string" }, out: { type: "string" } },
});
if (!options.url || !options.out) {
  console.error("usage: node two-tabs.mjs --url http://127.0.0.1:PORT --out DIR");
  process.exit(2);
}
await mkdir(options.out, { recursive: true });

const errors = [];
const tabs = [];
let doing = "the browser starts";
// Launched with a new, empty profile, which is removed at the end.
const browser = await chromium.launch({ executablePath: BROWSER, args: BROWSER_ARGS });

/** One person with a browser of their own: storage is not shared with the others. */
export class Tab {
  /** What the console may say for now, such as what the browser logs while it is offline. */
  excused = /^$/;

  /** `prepare` has the page before it is opened. */
  static async open(name, hash = "", prepare = async () => {}) {
    const tab = new Tab();
    tab.name = name;
    tab.context = await browser.newContext({ viewport: DESKTOP });
    tab.page = await tab.context.newPage();
    tab.page.setDefaultTimeout(DEADLINE_MS);
    tab.page.on("pageerror", (error) => errors.push(`${name}: ${error.stack ?? error}`));
    tab.page.on("console", (message) => {
      if (message.type() !== "error" || tab.excused.test(message.text())) return;
      errors.push(`${name}: console: ${message.text()} (${message.location().url})`);
    });
    tabs.push(tab);
    await prepare(tab.page);
    await tab.page.goto(`${options.url}/${hash}`);
    await tab.sees("#line", "connected");
    return tab;
  }

  /** Waits until an element that matches is visible and holds this text. */
  async sees(selector, text = "") {
    await this.page.locator(selector).filter({ hasText: text, visible: true }).first().waitFor();
  }

  /** Waits until nobody has to scroll inside of something to see this. */
  async inSight(selector) {
    await this.page.waitForFunction((which) => {
      const element = document.querySelector(which);
      const [inner, outer] = [element, element.parentElement].map((e) => e.getBoundingClientRect());
      return inner.top >= outer.top - 1 && inner.bottom <= outer.bottom + 1;
    }, selector);
  }

  /** Waits until nothing that matches is visible. */
  async seesNo(selector) {
    const visible = this.page.locator(selector).filter({ visible: true });
    await visible.first().waitFor({ state: "hidden" });
  }

  async click(selector) {
    await this.page.locator(selector).click();
  }

  async fill(selector, text) {
    await this.page.locator(selector).fill(text);
  }

  /** Out of the lobby, if in one. */
  async leave() {
    const leave = this.page.locator("#leave");
    if (await leave.isVisible()) await leave.click();
    // In a match it asks whether that is meant.
    const sure = leave.filter({ hasText: "?", visible: true });
    await sure.or(this.page.locator("#create").filter({ visible: true })).waitFor();
    if (await sure.isVisible()) await sure.click();
    await this.sees("#create");
  }

  square(name) {
    return `[data-square="${name}"]`;
  }

  async clickMove(from, to) {
    await this.sees(`${this.square(from)}.movable`);
    await this.click(this.square(from));
    await this.sees(`${this.square(to)}.target`);
    await this.click(this.square(to));
  }

  async dragMove(from, to) {
    await this.sees(`${this.square(from)}.movable`);
    const start = await this.middle(from);
    const end = await this.middle(to);
    await this.page.mouse.move(start.x, start.y);
    await this.page.mouse.down();
    await this.page.mouse.move(end.x, end.y, { steps: 6 });
    await this.page.mouse.up();
  }

  async middle(square) {
    const box = await this.page.locator(this.square(square)).boundingBox();
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  }

  async seesPiece(square, piece) {
    await this.sees(`${this.square(square)}[data-piece="${piece}"]`);
  }

  /** Takes a picture as on a phone, where nothing may stick out at the side. */
  async onPhone(name) {
    await this.page.setViewportSize(PHONE);
    await this.page.evaluate(() => scrollTo(0, 0));
    await this.picture(name);
    const width = await this.page.evaluate(() => document.documentElement.scrollWidth);
    assert(width <= PHONE.width, `the page is ${width} pixels wide`);
    await this.page.setViewportSize(DESKTOP);
  }

  /** Takes a picture for people to look at; moving pieces come to rest first. */
  async picture(name) {
    const file = path.join(options.out, `${name}.png`);
    await this.page.screenshot({ path: file, animations: "disabled" });
  }
}

let passed = 0;
export async function step(sentence, act) {
  doing = sentence;
  await act();
  assert(errors.length === 0, "there were errors on a page");
  passed += 1;
  console.log(`ok ${passed} - ${sentence}`);
}

export function assert(holds, message) {
  if (!holds) throw new Error(message);
}

/** The same for several tabs at once. */
export const all = (those, act) => Promise.all(those.map(act));

/** Plays it all, says what became of it, and ends the browser. */
export async function run(play) {
  let failed = 0;
  try {
    await play();
  } catch (error) {
    failed = 1;
    const colourless = String(error.stack ?? error).replaceAll(/\u001b\[\d+m/g, "");
    console.log(`not ok - ${doing}\n${colourless}`);
    for (const line of errors) console.log(line);
    for (const tab of tabs) await tab.picture(`failed-${tab.name}`).catch(() => undefined);
  } finally {
    await browser.close();
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed;
}
