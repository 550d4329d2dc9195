import { copyFileSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

// Swagger UI is served beside the page, from our own origin: its files are copied as they are.
function apiDocs(): Plugin {
  const swagger = path.dirname(
    createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"),
  );
  const files = [
    [swagger, "swagger-ui.css"],
    [swagger, "swagger-ui-bundle.js"],
    [import.meta.dirname ?? ".", "docs/index.html"],
    [import.meta.dirname ?? ".", "docs/init.js"],
    [import.meta.dirname ?? ".", "docs/docs.css"],
  ] as const;
  return {
    name: "api-docs",
    apply: "build",
    writeBundle(options) {
      const target = path.join(options.dir ?? "dist", "docs");
      mkdirSync(target, { recursive: true });
      for (const [folder, file] of files) {
        copyFileSync(path.join(folder, file), path.join(target, path.basename(file)));
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), apiDocs()],
  build: {
    target: "es2022",
    // Everything is a file of its own: the page's policy allows no inline data but pictures.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
  },
  server: {
    proxy: Object.fromEntries(
      ["/api", "/media", "/objects", "/health"].map((prefix) => [
        prefix,
        { target: process.env.MADANG_URL ?? "http://127.0.0.1:8080", changeOrigin: false },
      ]),
    ),
  },
});
