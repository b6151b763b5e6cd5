// The whole package, as a page gets it without socket.io-client, is under 12 KB compressed.

import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const LIMIT_BYTES = 12 * 1024;

const { outputFiles } = await build({
  entryPoints: ["src/index.ts"],
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  external: ["socket.io-client"],
  write: false,
});
const [{ contents }] = outputFiles;
const compressed = gzipSync(contents, { level: 9 }).length;
console.log(`${contents.length} bytes, ${compressed} compressed, of ${LIMIT_BYTES}`);
if (compressed > LIMIT_BYTES) process.exitCode = 1;
