// How the page is built: relative addresses, so that it works under any path, and nothing inlined,
// so that it works under a strict Content-Security-Policy.
import { fileURLToPath } from "node:url";

import { defineConfig } from "vite";

export default defineConfig({
  base: "./",
  build: {
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: ["index.html", "links.html"] },
  },
  // The SDK as it stands beside this folder, and one stock client for both.
  resolve: {
    alias: { "parlor-client": fileURLToPath(new URL("../sdk/src/index.ts", import.meta.url)) },
    dedupe: ["socket.io-client"],
  },
  // `npm run dev` serves the page itself and lets a running Parlor answer the rest.
  server: { proxy: { "/socket.io": { target: "http://127.0.0.1:3000", ws: true } } },
});
