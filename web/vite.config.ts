import { defineConfig } from "vite";

// Relative addresses, so that the page works below any path of a reverse proxy; nothing inline, so that the strict
// content security policy of the server holds; no source maps, so that the same sources give the same bytes.
export default defineConfig({
  base: "./",
  publicDir: false,
  build: {
    outDir: "../src/granum/app/static",
    emptyOutDir: true,
    target: "es2022",
    sourcemap: false,
    // the page holds code of others, whose licences ask for their texts to come along
    license: { fileName: "LICENSES.md" },
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  server: { host: "127.0.0.1", port: 5173, strictPort: true },
});
