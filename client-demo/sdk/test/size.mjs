// What `parlor-client` is to a page, without socket.io-client, is under 12 KB compressed. With
// `parlor-client/peers` it should be, and is not yet: that is told, and may not grow.

import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const LIMIT_BYTES = 12 * 1024;
/** What it was when peers came. */
const LIMIT_WITH_PEERS_BYTES = 14_700;

const MAIN = 'export * from "./src/index.js";';
const PEERS = 'export * from "./src/peers/index.js";';

async function compressed(source) {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: "." },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    external: ["socket.io-client"],
    write: false,
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

const main = await compressed(MAIN);
const all = await compressed(MAIN + PEERS);
console.log(`${main} bytes compressed, of ${LIMIT_BYTES}`);
console.log(`${all} with peers, of ${LIMIT_WITH_PEERS_BYTES}: more than ${LIMIT_BYTES}`);
if (main > LIMIT_BYTES || all > LIMIT_WITH_PEERS_BYTES) process.exitCode = 1;
