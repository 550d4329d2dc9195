// What watches the cluster: figures of every server arrive, dashboards ask for what there is, alerts fire
// and come by mail, and each has its answer in docs/operations.md.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { dashboards, fileOf, text } from "../../deploy/grafana/dashboards.mjs";
import { Cluster, eventually, root, run } from "./support.mjs";

const file = (name) => readFileSync(path.join(root, name), "utf8");
const rules = file("deploy/prometheus/rules.yml");
const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map((match) => match[1]);

const sources = readdirSync(path.join(root, "src"), { recursive: true })
  .map(String)
  .filter((name) => /\.(cpp|hpp)$/.test(name) && !name.endsWith("_test.cpp"))
  .map((name) => file(path.join("src", name)))
  .join("\n");

let cluster;
before(async () => {
  cluster = await Cluster.up();
});
after(() => cluster?.down());

const mailWith = (...words) => cluster.mail(...words);
const rootSql = (name, statement) => cluster.rootSql(name, statement);

test("configurations and rules are sound", async () => {
  const sound = async (...command) => {
    const { code, out, err } = await run(command[0], command.slice(1));
    assert.equal(code, 0, out + err);
  };
  await sound("promtool", "check", "config", path.join(root, "deploy/prometheus/prometheus.yml"));
  await sound("promtool", "test", "rules", path.join(root, "deploy/prometheus/rules_test.yml"));
  await sound("amtool", "check-config", path.join(root, "deploy/alertmanager/alertmanager.yml"));
});

test("every alert is tested to fire and says in operations.md what to do", () => {
  assert.ok(alerts.length >= 15);
  const unit = file("deploy/prometheus/rules_test.yml");
  const operations = file("docs/operations.md");
  for (const name of alerts) {
    const fires = new RegExp(`alertname: ${name}\\n +exp_alerts:\\n +- exp_labels`);
    assert.ok(fires.test(unit), `${name} has no test in rules_test.yml`);
    assert.ok(operations.includes(`\n| \`${name}\` |`), `${name} has no row in docs/operations.md`);
  }
});

test("the dashboards are what their code says", () => {
  for (const [name, board] of Object.entries(dashboards))
    assert.equal(
      readFileSync(fileOf(name), "utf8"),
      text(board),
      `node deploy/grafana/dashboards.mjs: ${name}`,
    );
});

test("Prometheus reaches everything", async () => {
  const expected = { madang: 1, haproxy: 1, mariadb: 3, redis: 6, node: 1, prometheus: 2 };
  expected.madang = [...cluster.servers.keys()].filter((name) => name.startsWith("madang-")).length;
  const all = Object.values(expected).reduce((sum, n) => sum + n);
  await eventually("all targets up", async () => {
    const up = await cluster.query("up == 1");
    return up.length === all;
  });
  for (const [job, count] of Object.entries(expected))
    assert.equal((await cluster.query(`up{job="${job}"} == 1`)).length, count, job);
  assert.equal((await cluster.query("mysql_up == 1")).length, 3);
  assert.equal((await cluster.query("redis_up == 1")).length, 6);
});

test("every expression of dashboards and rules asks for figures there are", async () => {
  const answer = await (await fetch(`${cluster.url("haproxy")}/api/v1/posts`)).text();
  assert.ok(answer.length > 0);
  await eventually(
    "a counted request",
    async () => (await cluster.query("rate(madang_http_requests_total[1m])")).length > 0,
  );
  // A rate needs two readings, and the exporters are read one after the other.
  for (const figure of ["node_cpu_seconds_total", "mysql_up", "redis_up", "process_cpu_seconds_total"])
    await eventually(
      `two readings of ${figure}`,
      async () => (await cluster.query(`rate(${figure}[1m])`)).length > 0,
    );
  const listed = await (
    await fetch(`${cluster.url("prometheus")}/api/v1/label/__name__/values`)
  ).json();
  const present = new Set(listed.data);
  const loaded = await (await fetch(`${cluster.url("prometheus")}/api/v1/rules`)).json();
  const ofRules = loaded.data.groups.flatMap((group) => group.rules.map((rule) => rule.query));
  assert.equal(ofRules.length, alerts.length);
  const ofPanels = Object.values(dashboards).flatMap((board) =>
    board.panels.flatMap((panel) => panel.targets.map((target) => target.expr)),
  );
  assert.ok(ofPanels.length > 50);
  const plain = (expr) => expr.replaceAll("$__rate_interval", "1m").replaceAll("$instance", ".*");
  let answered = 0;
  for (const expr of [...ofRules, ...ofPanels]) {
    const result = await cluster.query(plain(expr));
    const names = [...expr.matchAll(/\b(?:madang|mysql|redis|haproxy|node|process)_\w+/g)].map(
      (match) => match[0],
    );
    for (const name of names.filter((one) => !present.has(one)))
      assert.ok(
        sources.includes(`"${name.replace(/_bucket$/, "")}"`),
        `${name}: neither scraped nor in the sources\n${expr}`,
      );
    if (ofPanels.includes(expr) && names.every((name) => present.has(name))) {
      assert.ok(result.length > 0, `no series: ${expr}`);
      answered += 1;
    }
  }
  console.log(`# ${answered} of ${ofPanels.length} expressions of the dashboards have series`);
  assert.ok(answered >= 40);
});

test("a mail sent through Alertmanager arrives", async () => {
  const alert = {
    labels: { alertname: "Hello", severity: "warn" },
    annotations: { summary: "from a test" },
  };
  const answer = await fetch(`${cluster.url("alertmanager")}/api/v2/alerts`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify([alert]),
  });
  assert.equal(answer.status, 200);
  await mailWith("Subject: [FIRING:1] Hello", "X-Rcpt-To: ops@yard.example", "from a test");
});

test("an instance that is gone is told by mail, and that it is back", async () => {
  const begin = performance.now();
  await cluster.do("kill", "madang-1");
  await mailWith("[FIRING:1] InstanceDown", "madang-1 does not answer");
  console.log(`# InstanceDown by mail after ${((performance.now() - begin) / 1000).toFixed(1)} s`);
  await cluster.do("start", "madang-1");
  await mailWith("[RESOLVED] InstanceDown");
});

test("a replica that stopped, a Redis that is full or gone", async () => {
  await rootSql("mariadb-3", "stop slave sql_thread");
  const used = Number(
    /used_memory:(\d+)/.exec(await cluster.redis("redis-2", "info", "memory"))[1],
  );
  await cluster.redis("redis-2", "config", "set", "maxmemory", String(Math.round(used * 1.05)));
  await cluster.do("kill", "redis-6");
  await Promise.all([
    mailWith("FIRING", "ReplicaStopped", "mariadb-3 does not follow the primary"),
    mailWith("FIRING", "RedisMemory", "redis-2 uses"),
    mailWith("FIRING", "RedisDown", "redis-6 does not answer"),
  ]);
  await rootSql("mariadb-3", "start slave sql_thread");
  await cluster.redis("redis-2", "config", "set", "maxmemory", "64mb");
  await cluster.do("start", "redis-6");
  await eventually(
    "nothing firing",
    async () => (await cluster.query('ALERTS{alertstate="firing"}')).length === 0,
    { seconds: 60 },
  );
});

test("a primary that is gone", async () => {
  await cluster.do("kill", "mariadb-1");
  await Promise.all([
    mailWith("FIRING", "MariadbDown", "mariadb-1 does not answer"),
    mailWith("FIRING", "PrimaryCount", "0 MariaDB servers take writes"),
  ]);
  await cluster.do("promote");
  await mailWith("[RESOLVED] PrimaryCount");
});
