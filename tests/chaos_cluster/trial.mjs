// One trial: steady load, a fault or several, healing, calm; then the checker's verdict and the figures.
import { strike } from "./faults.mjs";
import { Town } from "./town.mjs";
import { sleep } from "../cluster/support.mjs";

const before = 1200; // of load that nothing disturbs

export async function trial(stage, chosen, { part }) {
  const town = await Town.open(stage, { part });
  town.start();
  try {
    return await watch(stage, town, chosen);
  } finally {
    town.leave();
  }
}

async function watch(stage, town, chosen) {
  await sleep(before);
  const struck = performance.now();
  const { healing, healed } = await strike(stage, chosen);
  const calm = await town.calm({});
  const violations = await town.end();
  await stage.whole();
  if (!calm)
    violations.push({ rule: "no recovery", text: "requests still fail 30 s after the healing" });
  for (const one of town.history.requests)
    if (one.failed && one.end < struck)
      violations.push({
        rule: "unrest",
        text: `${one.what} failed before the fault: ${one.status} ${one.code ?? one.lost}`,
      });
  return { ...figures(town.history.requests, struck, healing, healed), violations };
}

// As people saw it, who come through HAProxy and send their pictures to S3.
export function figures(requests, struck, healing, healed) {
  const seen = requests.filter(
    ({ via, end }) => (via === "haproxy" || via === "s3") && end >= struck,
  );
  const failed = seen.filter((request) => request.failed);
  const last = failed.reduce((at, { end }) => Math.max(at, end), struck);
  const during = seen.filter(({ begin }) => begin <= Math.max(last, healed));
  const by = {};
  for (const { what, status, code, lost } of failed) {
    const kind = what.startsWith("see_") ? "read" : what.includes("upload") ? "picture" : "write";
    const why = `${kind} ${status ?? "no answer"} ${code ?? lost}`;
    by[why] = (by[why] ?? 0) + 1;
  }
  return {
    requests: during.length,
    failed: failed.length,
    by,
    recoveryMs: Math.round(last - struck),
    healingMs: Math.round(healing - struck),
    afterMs: Math.max(0, Math.round(last - healing)),
    longestMs: Math.round(Math.max(0, ...seen.map(({ begin, end }) => end - begin))),
    degraded: [...new Set(requests.map(({ degraded }) => degraded).filter(Boolean))],
  };
}
