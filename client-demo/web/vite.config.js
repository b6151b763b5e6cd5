// How the page is built: relative addresses, so that it works under any path, and nothing inlined,
// so that it works under a strict Content-Security-Policy.
import { defineConfig } from "vite";

export default defineConfig({
  base: "./",
  build: { assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  // `npm run dev` serves the page itself and lets a running Parlor answer the rest.
  server: { proxy: { "/socket.io": { target: "http://127.0.0.1:3000", ws: true } } },
});
