// Every public item has its sentence: looked for in the declarations that users get.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

const DIST = new URL("../../dist/", import.meta.url);

/** Lines that declare something which is not documented. */
function silent(name: string): string[] {
  const lines = readFileSync(new URL(name, DIST), "utf8").split("\n");
  const isItem = (line: string): boolean =>
    /^export (declare )?(class|function|interface|type|const) /.test(line) ||
    (/^ {4}(readonly |get |static )?["\w]+[<(?:;!]/.test(line) && !/^ {4}(constructor|private)\b/.test(line));
  const isTold = (i: number): boolean => /\*\/$/.test(lines[i - 1] ?? "");
  return lines.flatMap((line, i) => (isItem(line) && !isTold(i) ? [`${name}:${i + 1} ${line.trim()}`] : []));
}

test("every public item is documented", () => {
  const reached = readFileSync(new URL("index.d.ts", DIST), "utf8").matchAll(/from "\.\/([\w/]+)\.js"/g);
  const files = [...new Set([...reached].map(([, file]) => `${file}.d.ts`))];
  const written = files.filter((file) => !file.startsWith("generated/"));
  assert.ok(written.length > 8 && readdirSync(DIST).length > written.length, "the files are found");
  assert.deepEqual(written.flatMap(silent), []);
});
