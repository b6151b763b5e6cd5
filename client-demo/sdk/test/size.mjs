// What a page gets of `parlor-client` at first, without socket.io-client, is under 12 KB compressed.
// With what links peers it should be, and is not yet: that is told, and may not grow. Encryption is
// handed in by who wants it, and not counted.

import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const LIMIT_BYTES = 12 * 1024;
/** What it is by now. */
const LIMIT_WITH_PEERS_BYTES = 12_840;

const bundle = (splitting) =>
  build({
    entryPoints: ["src/index.ts"],
    bundle: true,
    splitting,
    minify: true,
    format: "esm",
    target: "es2022",
    external: ["socket.io-client"],
    outdir: "out",
    metafile: true,
    write: false,
  });
const compressed = (files) =>
  files.reduce((n, { contents }) => n + gzipSync(contents, { level: 9 }).length, 0);

const { outputFiles, metafile } = await bundle(true);
const isEntry = ([, { entryPoint }]) => entryPoint === "src/index.ts";
const first = new Set(Object.entries(metafile.outputs).filter(isEntry).map(([name]) => name));
for (const name of first)
  for (const { path, kind } of metafile.outputs[name].imports)
    if (kind === "import-statement" && path in metafile.outputs) first.add(path);
const ofFirst = compressed(
  outputFiles.filter(({ path }) => [...first].some((name) => path.endsWith(`/${name}`))),
);
const ofAll = compressed((await bundle(false)).outputFiles);
console.log(`${ofFirst} bytes compressed, of ${LIMIT_BYTES}`);
console.log(`${ofAll} with peers, of ${LIMIT_WITH_PEERS_BYTES}`);
if (ofFirst > LIMIT_BYTES || ofAll > LIMIT_WITH_PEERS_BYTES) process.exitCode = 1;
