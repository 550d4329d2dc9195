// What can go wrong. A fault: {name, what, holdMs, inject(stage), heal(stage), turn?}. `heal` undoes it as
// an operator would; of a pair the one with the lower `turn` (0) is healed first: a primary is chosen
// when the replicas can be asked, and an instance starts when there is a primary. Whatever `inject`
// returns is handed to `heal`.
import * as redis from "../../deploy/cluster/redis.mjs";
import { eventually, sleep } from "../cluster/support.mjs";

const replicas = ({ cluster }) =>
  ["mariadb-1", "mariadb-2", "mariadb-3"].filter((name) => name !== cluster.primary);

async function redisMasters({ cluster }) {
  const masters = [];
  for (const name of redis.names) {
    const role = await cluster.redis(name, "role").catch(() => "");
    if (role.startsWith("master")) masters.push(name);
  }
  return masters;
}

const start = async ({ cluster }, name) => {
  const { code, err } = await cluster.run("start", name);
  if (code !== 0 && !/runs already/.test(err)) throw new Error(err); // of a pair, the other started it
};

async function delayReplicas(stage, seconds) {
  const servers = await stage.cluster.status();
  for (const name of replicas(stage).filter((one) => servers.get(one).state === "running"))
    await stage.cluster.rootSql(
      name,
      `stop slave; change master to master_delay=${seconds}; start slave`,
    );
}

export const faults = [
  {
    name: "instance killed",
    what: "`kill -9` of one of three instances, started again after 2 s",
    holdMs: 2000,
    turn: 2,
    inject: ({ cluster, instances }) => cluster.do("kill", instances[0]),
    heal: (stage) => start(stage, stage.instances[0]),
  },
  {
    name: "primary killed",
    what: "`kill -9` of MariaDB's primary; a replica promoted after half a second; the old one back as a replica",
    holdMs: 500,
    turn: 1,
    inject: async ({ cluster }) => {
      const lost = cluster.primary;
      await cluster.do("kill", lost);
      return lost;
    },
    heal: async (stage, lost) => {
      await stage.cluster.do("promote");
      await stage.cluster.status();
      await start(stage, lost);
    },
  },
  {
    name: "Redis master killed",
    what: "`kill -9` of one of three masters; its replica takes over by itself; started again after 3 s",
    holdMs: 3000,
    inject: async (stage) => {
      const [lost] = await redisMasters(stage);
      await stage.cluster.do("kill", lost);
      return lost;
    },
    heal: (stage, lost) => start(stage, lost),
  },
  {
    name: "all Redis killed",
    what: "`kill -9` of all six servers, started again, empty, after 3 s",
    holdMs: 3000,
    inject: ({ cluster }) => cluster.do("kill", "redis"),
    heal: (stage) => start(stage, "redis"),
  },
  {
    name: "Redis wiped",
    what: "`flushall` on every master",
    holdMs: 1000,
    inject: async (stage) => {
      for (const name of await redisMasters(stage)) await stage.cluster.redis(name, "flushall");
    },
    heal: () => {},
  },
  {
    name: "replica stopped",
    what: "one of two replicas hangs (`kill -STOP`) for 3 s",
    holdMs: 3000,
    inject: async (stage) => {
      const [name] = replicas(stage);
      await stage.cluster.do("kill", name, "-STOP");
      return name;
    },
    heal: (stage, name) => stage.cluster.do("kill", name, "-CONT"),
  },
  {
    name: "replicas late",
    what: "both replicas apply everything 3 s late, for 4 s",
    holdMs: 4000,
    inject: (stage) => delayReplicas(stage, 3),
    heal: (stage) => delayReplicas(stage, 0),
  },
  {
    name: "S3 down",
    what: "`kill -9` of the S3 gateway, started again after 3 s",
    holdMs: 3000,
    inject: ({ cluster }) => cluster.do("kill", "s3"),
    heal: (stage) => start(stage, "s3"),
  },
  {
    name: "disk full",
    what: "the primary's disk takes nothing more for 3 s; MariaDB looks only once a minute whether it does again, so it is restarted",
    holdMs: 3000,
    inject: async (stage) => {
      const name = stage.cluster.primary;
      await stage.fillDisk(name, true);
      return name;
    },
    heal: async (stage, name) => {
      await stage.fillDisk(name, false);
      await stage.cluster.run("kill", name); // of a pair, the other killed it
      await eventually(`${name} is dead`, async () => {
        return (await stage.cluster.status()).get(name).state === "dead";
      });
      await start(stage, name);
    },
  },
  {
    name: "half-open connections",
    what: "every connection from the instances to MariaDB, Redis and S3 falls silent at once and for good, and nobody is told; new ones work",
    holdMs: 3000,
    inject: async ({ proxy, links }) => {
      for (const name of links.keys()) await proxy.stall(name);
    },
    // What is still silent by then is never told either: the ends are only cleared away with the cluster.
    heal: () => {},
  },
  {
    name: "clock jump",
    what: "one instance's clock jumps 5 s ahead, and after 2 s back again",
    holdMs: 2000,
    inject: (stage) => stage.moveClock(stage.instances.at(-1), 5),
    heal: (stage) => stage.moveClock(stage.instances.at(-1), 0),
  },
];

// One at a time, or several: the next begins while the last holds.
export async function strike(stage, chosen) {
  const held = [];
  for (const fault of chosen) {
    held.push([fault, await fault.inject(stage)]);
    if (fault !== chosen.at(-1)) await sleep(500);
  }
  await sleep(Math.max(...chosen.map(({ holdMs }) => holdMs)));
  held.sort(([a], [b]) => (a.turn ?? 0) - (b.turn ?? 0));
  const healing = performance.now();
  for (const [fault, what] of held) await fault.heal(stage, what);
  return { healing, healed: performance.now() };
}

export function allPairs() {
  return faults.flatMap((a, i) => faults.slice(i + 1).map((b) => [a, b]));
}
