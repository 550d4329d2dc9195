// The page's own logic, tested without a browser: each unit/*.unit.ts is bundled by the esbuild that
// Vite brings along and run by node --test.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const out = mkdtempSync(path.join(here, ".run-"));
try {
  const entryPoints = readdirSync(here)
    .filter((name) => name.endsWith(".unit.ts"))
    .map((name) => path.join(here, name));
  await build({
    entryPoints,
    outdir: out,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node18",
  });
  const files = entryPoints.map((file) =>
    path.join(out, path.basename(file).replace(/\.ts$/, ".mjs")),
  );
  process.exitCode =
    spawnSync(process.execPath, ["--test", ...files], { stdio: "inherit" }).status ?? 1;
} finally {
  rmSync(out, { recursive: true, force: true });
}
