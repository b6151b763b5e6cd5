// Everything that a page gets by `parlor-client`, peers included and socket.io-client not, is under
// 12 KB compressed. Encryption is handed in by who wants it, and not counted.

import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const LIMIT_BYTES = 12 * 1024;

const { outputFiles } = await build({
  entryPoints: ["dist/index.js"],
  bundle: true,
  minify: true,
  format: "esm",
  external: ["socket.io-client"],
  write: false,
});
const n = gzipSync(outputFiles[0].contents, { level: 9 }).length;
console.log(`${n} bytes compressed, of ${LIMIT_BYTES}`);
if (n > LIMIT_BYTES) process.exitCode = 1;
