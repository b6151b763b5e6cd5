// A person whose page is a peer of others by the SDK: what it sends and what it has heard, counted in
// the page itself, so that nothing is lost between a page and its test.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const SDK = fileURLToPath(new URL("../../../client-demo/sdk/", import.meta.url));
export const DEADLINE_MS = 10_000;

/** The SDK and the stock client in one script: `parlorClient`. */
export async function bundle() {
  const { build } = createRequire(path.join(SDK, "package.json"))("esbuild");
  const { outputFiles } = await build({
    stdin: {
      contents: 'export * from "./index.ts"; export * from "./peers/encrypt.ts";',
      resolveDir: path.join(SDK, "src"),
    },
    bundle: true,
    format: "iife",
    globalName: "parlorClient",
    target: "es2022",
    write: false,
  });
  return outputFiles[0].text;
}

/** What a page does and counts; see `page.js`. */
const inPage = await readFile(new URL("page.js", import.meta.url), "utf8");

export class Person {
  /** `without`: what their browser has not. */
  static async open(browser, { url, name, script, without = [], errors }) {
    const person = new Person();
    person.name = name;
    // Any page of the server will do: what it needs is brought along.
    person.context = await browser.newContext({ bypassCSP: true });
    for (const missing of without) await person.context.addInitScript(`delete window.${missing};`);
    person.page = await person.context.newPage();
    person.page.setDefaultTimeout(DEADLINE_MS);
    person.page.on("pageerror", (error) => errors.push(`${name}: ${error.stack ?? error}`));
    await person.page.goto(`${url}/livez`);
    await person.page.addScriptTag({ content: script });
    await person.page.addScriptTag({ content: inPage });
    person.url = url;
    return person;
  }

  /** Into a lobby: a new one, or that of `code`. Its code. */
  enter({ code, create = {}, options = {} } = {}) {
    const how = { url: this.url, name: this.name, code, create, options };
    return this.do("enter", how);
  }

  /** Has the page do something of `page.js`. */
  do(what, argument) {
    return this.page.evaluate(([what, argument]) => window.me[what](argument), [what, argument]);
  }

  /** Waits until something of `page.js` is true. */
  async until(what, argument, timeout = DEADLINE_MS) {
    const holds = ([what, argument]) => window.me[what](argument);
    await this.page.waitForFunction(holds, [what, argument], { timeout, polling: 20 });
  }

  close() {
    return this.context.close();
  }
}
