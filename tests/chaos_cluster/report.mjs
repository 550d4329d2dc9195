// node tests/chaos_cluster/report.mjs: what the last run of the matrix measured becomes the table of
// docs/operations.md.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { faults } from "./faults.mjs";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const marks = [
  "<!-- chaos: from here, node tests/chaos_cluster/report.mjs -->",
  "<!-- chaos: to here -->",
];

export const columns = [
  "fault",
  "requests failed",
  "which",
  "recovered after",
  "after the healing",
  "longest answer",
];

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
const share = ({ failed, requests }) =>
  failed === 0 ? "none" : `${failed} of ${requests} (${((100 * failed) / requests).toFixed(1)} %)`;

export function lineOf(row, what = row.name) {
  const kinds = Object.entries(row.by).sort(([, a], [, b]) => b - a);
  const which = kinds.map(([why, count]) => `${count} ${why.replace(" text/html", "")}`).join(", ");
  const times = row.failed === 0 ? ["-", "-"] : [seconds(row.recoveryMs), seconds(row.afterMs)];
  return [what, share(row), which || "-", ...times, seconds(row.longestMs)];
}

function table({ rows }) {
  const whatOf = new Map(faults.map(({ name, what }) => [name, `**${name}**: ${what}`]));
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [
    line(columns),
    line(columns.map(() => "---")),
    ...rows.map((row) => line(lineOf(row, whatOf.get(row.name)))),
  ].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const measured = JSON.parse(readFileSync(path.join(root, "build/chaos_cluster.json"), "utf8"));
  const file = path.join(root, "docs/operations.md");
  const text = readFileSync(file, "utf8");
  const [begin, end] = marks.map((mark) => text.indexOf(mark));
  if (begin < 0 || end < begin)
    throw new Error(`${file} has no place for the table: ${marks.join(" ")}`);
  const after = begin + marks[0].length;
  writeFileSync(file, `${text.slice(0, after)}\n\n${table(measured)}\n\n${text.slice(end)}`);
}
