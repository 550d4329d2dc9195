// The dashboards, as code: `node deploy/grafana/dashboards.mjs` writes the JSON files beside it that Grafana
// reads. A panel is [title, unit, { legend: expression, ... }]; three stand in a row.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const p99 = (metric, by = "", match = "") =>
  `histogram_quantile(0.99, sum by (le${by && `, ${by}`}) (rate(${metric}_bucket{${match}}[$__rate_interval])))`;
const p50 = (...args) => p99(...args).replace("0.99", "0.5");
const rate = (metric, by, match = "") =>
  `sum by (${by}) (rate(${metric}{${match}}[$__rate_interval]))`;
const own = 'job="madang", instance=~"$instance"';
const requests = `${own}, route!~"/health/.*|/metrics|/api/v1/events"`;

const overview = {
  uid: "madang-overview",
  title: "Madang: what people notice",
  panels: [
    ["Instances that answer", "none", { "{{instance}}": 'up{job="madang"}' }],
    [
      "Requests a second",
      "reqps",
      { "{{status}}": rate("madang_http_requests_total", "status", own) },
    ],
    [
      "Errors of ours, share",
      "percentunit",
      {
        errors: `(sum(rate(madang_http_requests_total{${own}, status="5xx"}[$__rate_interval])) or vector(0)) / sum(rate(madang_http_requests_total{${own}}[$__rate_interval]))`,
      },
    ],
    [
      "Time to answer",
      "s",
      {
        p50: p50("madang_http_request_seconds", "", requests),
        p99: p99("madang_http_request_seconds", "", requests),
      },
    ],
    [
      "Slowest routes, p99",
      "s",
      {
        "{{method}} {{route}}": `topk(8, ${p99("madang_http_request_seconds", "method, route", requests)})`,
      },
    ],
    [
      "Answers without something",
      "reqps",
      { "{{name}}": rate("madang_degraded_total", "name", own) },
    ],
    [
      "From a post to its followers",
      "s",
      {
        p50: p50("madang_feed_fan_out_seconds", "", own),
        p99: p99("madang_feed_fan_out_seconds", "", own),
      },
    ],
    [
      "Feed pages by source",
      "reqps",
      { "{{source}}": rate("madang_feed_pages_total", "source", own) },
    ],
    ["Listeners to events", "none", { "{{instance}}": `madang_realtime_listeners{${own}}` }],
    [
      "Refused by a rate limit",
      "reqps",
      { "{{instance}}": rate("madang_rate_limited_total", "instance", own) },
    ],
    ["Connections", "none", { "{{instance}}": `madang_http_connections_open{${own}}` }],
    [
      "HAProxy: instances in service",
      "none",
      { instances: 'haproxy_backend_active_servers{proxy="madang"}' },
    ],
  ],
};

const inside = {
  uid: "madang-inside",
  title: "Madang: pools, queues, caches, events",
  panels: [
    [
      "Pools: threads at work, share",
      "percentunit",
      { "{{instance}} {{pool}}": `madang_pool_busy{${own}} / madang_pool_size{${own}}` },
    ],
    ["Pools: jobs that wait", "none", { "{{instance}} {{pool}}": `madang_pool_waiting{${own}}` }],
    ["Pools: wait, p99", "s", { "{{pool}}": p99("madang_pool_wait_seconds", "pool", own) }],
    [
      "Pools: refused",
      "ops",
      { "{{pool}} {{reason}}": rate("madang_pool_refused_total", "pool, reason", own) },
    ],
    [
      "Durable commit",
      "s",
      {
        p50: p50("madang_db_commit_seconds", "", own),
        p99: p99("madang_db_commit_seconds", "", own),
      },
    ],
    [
      "I/O threads: how late, p99",
      "s",
      { "{{instance}}": p99("madang_io_lag_seconds", "instance", own) },
    ],
    [
      "Requests that stand aside",
      "short",
      { "{{instance}}": `sum by (instance) (madang_http_requests_aside{${own}})` },
    ],
    [
      "Caches: hits, share",
      "percentunit",
      {
        "{{cache}}": `sum by (cache) (rate(madang_cache_hits_total{${own}}[$__rate_interval])) / (sum by (cache) (rate(madang_cache_hits_total{${own}}[$__rate_interval])) + sum by (cache) (rate(madang_cache_misses_total{${own}}[$__rate_interval])))`,
      },
    ],
    ["Caches: entries", "none", { "{{instance}} {{cache}}": `madang_cache_entries{${own}}` }],
    [
      "Feeds in memory",
      "none",
      {
        "{{instance}} feeds": `madang_feed_warm{${own}}`,
        "{{instance}} entries": `madang_feed_entries{${own}}`,
      },
    ],
    [
      "Events: age when handled",
      "s",
      {
        p50: p50("madang_events_lag_seconds", "", own),
        p99: p99("madang_events_lag_seconds", "", own),
      },
    ],
    [
      "Events: since everything was handed out",
      "s",
      { "{{instance}}": `time() - madang_events_last_round_seconds{${own}}` },
    ],
    [
      "Events set aside, and dead",
      "none",
      {
        "{{subscriber}} set aside": `max by (subscriber) (madang_events_parked{${own}})`,
        "{{subscriber}} dead": `max by (subscriber) (madang_events_dead{${own}})`,
      },
    ],
    [
      "Pictures: jobs by end",
      "ops",
      { "{{outcome}}": rate("madang_workers_jobs_total", "outcome", own) },
    ],
    ["Pictures: jobs that wait", "none", { "{{instance}}": `madang_workers_waiting{${own}}` }],
    ["Resident memory", "bytes", { "{{instance}}": `process_resident_memory_bytes{${own}}` }],
    [
      "Housekeeping that failed",
      "ops",
      { "{{exported_job}}": rate("madang_housekeeping_failed_total", "exported_job", own) },
    ],
    ["Tasks that run", "none", { "{{instance}} {{group}}": `madang_tasks_running{${own}}` }],
    ["Tasks that failed", "ops", { "{{group}}": rate("madang_tasks_failed_total", "group", own) }],
  ],
};

const stores = {
  uid: "madang-stores",
  title: "Madang: what it leans on",
  panels: [
    [
      "Breakers: 0 closed, 1 half-open, 2 open",
      "none",
      {
        "{{instance}} {{dependency}}": `madang_breaker_state{${own}}`,
        "{{instance}} {{node}}": `madang_redis_breaker_state{${own}}`,
      },
    ],
    [
      "Calls out: time, p99",
      "s",
      { "{{dependency}}": p99("madang_dependency_seconds", "dependency", own) },
    ],
    [
      "Calls out: by what became of them",
      "ops",
      {
        "{{dependency}} {{outcome}}": rate(
          "madang_dependency_attempts_total",
          "dependency, outcome",
          own,
        ),
      },
    ],
    ["MariaDB: answers", "none", { "{{instance}}": "mysql_up" }],
    ["MariaDB: takes writes", "none", { "{{instance}}": "1 - mysql_global_variables_read_only" }],
    [
      "MariaDB: how far replicas are behind, as Madang sees it",
      "s",
      { "{{host}}": `max by (host) (madang_db_replica_lag_seconds{${own}})` },
    ],
    [
      "MariaDB: replicas that acknowledge",
      "none",
      {
        "{{instance}}":
          "mysql_global_status_rpl_semi_sync_master_clients and on (instance) mysql_global_variables_read_only == 0",
      },
    ],
    [
      "MariaDB: wait for a replica, mean",
      "s",
      {
        "{{instance}}":
          "rate(mysql_global_status_rpl_semi_sync_master_tx_wait_time[$__rate_interval]) / rate(mysql_global_status_rpl_semi_sync_master_tx_waits[$__rate_interval]) / 1e6",
      },
    ],
    ["MariaDB: connections", "none", { "{{instance}}": "mysql_global_status_threads_connected" }],
    [
      "MariaDB: statements a second",
      "ops",
      { "{{instance}}": "rate(mysql_global_status_queries[$__rate_interval])" },
    ],
    [
      "MariaDB: row lock waits a second",
      "ops",
      { "{{instance}}": "rate(mysql_global_status_innodb_row_lock_waits[$__rate_interval])" },
    ],
    ["MariaDB: failovers seen", "none", { "{{instance}}": `madang_db_failovers_total{${own}}` }],
    ["Redis: answers", "none", { "{{instance}}": "redis_up" }],
    ["Redis: slots served", "none", { slots: "min(redis_cluster_slots_ok)" }],
    [
      "Redis: memory, share of its limit",
      "percentunit",
      { "{{instance}}": "redis_memory_used_bytes / (redis_memory_max_bytes > 0)" },
    ],
    [
      "Redis: commands a second",
      "ops",
      { "{{instance}}": "rate(redis_commands_processed_total[$__rate_interval])" },
    ],
    [
      "Redis: keys evicted a second",
      "ops",
      { "{{instance}}": "rate(redis_evicted_keys_total[$__rate_interval])" },
    ],
    [
      "Redis: time of a command, p99",
      "s",
      { "{{node}}": p99("madang_redis_command_seconds", "node", own) },
    ],
    [
      "Feeds, cached posts: changes that Redis has not taken yet",
      "none",
      {
        "{{instance}} feeds": `madang_feed_owed{${own}}`,
        "{{instance}} {{cache}}": `madang_cache_owed{${own}}`,
      },
    ],
    [
      "Own writes: reads by whether the last one was known",
      "reqps",
      {
        "{{position}}": rate("madang_own_writes_reads_total", "position", own),
        "answered before others could know": `sum(rate(madang_own_writes_late_total{${own}}[$__rate_interval]))`,
      },
    ],
    [
      "MariaDB: writes that wait to share another's transaction",
      "none",
      { "{{instance}}": `madang_db_hot_rows_waiting{${own}}` },
    ],
    [
      "Disk that is left, share",
      "percentunit",
      {
        "{{instance}} {{mountpoint}}":
          'node_filesystem_avail_bytes{fstype!~"tmpfs|ramfs|squashfs|iso9660"} / node_filesystem_size_bytes{fstype!~"tmpfs|ramfs|squashfs|iso9660"}',
      },
    ],
    [
      "Processors at work, share",
      "percentunit",
      {
        "{{instance}}":
          '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[$__rate_interval]))',
      },
    ],
    ["Memory that is left", "bytes", { "{{instance}}": "node_memory_MemAvailable_bytes" }],
  ],
};

const source = { type: "prometheus", uid: "prometheus" };

function panel([title, unit, targets], i) {
  return {
    id: i + 1,
    type: "timeseries",
    title,
    datasource: source,
    gridPos: { x: 8 * (i % 3), y: 8 * Math.floor(i / 3), w: 8, h: 8 },
    fieldConfig: { defaults: { unit, min: 0, custom: { fillOpacity: 8 } }, overrides: [] },
    options: { legend: { displayMode: "list", placement: "bottom" }, tooltip: { mode: "multi" } },
    targets: Object.entries(targets).map(([legendFormat, expr], n) => ({
      refId: String.fromCharCode(65 + n),
      datasource: source,
      expr,
      legendFormat,
    })),
  };
}

const dashboard = ({ uid, title, panels }) => ({
  uid,
  title,
  tags: ["madang"],
  schemaVersion: 39,
  editable: false,
  refresh: "10s",
  time: { from: "now-1h", to: "now" },
  templating: {
    list: [
      {
        name: "instance",
        label: "Instance",
        type: "query",
        datasource: source,
        query: { query: 'label_values(up{job="madang"}, instance)', refId: "instance" },
        includeAll: true,
        allValue: ".*",
        multi: true,
        current: { text: "All", value: "$__all" },
        refresh: 2,
      },
    ],
  },
  panels: panels.map(panel),
});

export const dashboards = Object.fromEntries(
  Object.entries({ overview, inside, stores }).map(([name, spec]) => [
    `${name}.json`,
    dashboard(spec),
  ]),
);
export const text = (board) => `${JSON.stringify(board, null, 2)}\n`;
export const fileOf = (name) => new URL(`dashboards/${name}`, import.meta.url);

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const [name, board] of Object.entries(dashboards)) writeFileSync(fileOf(name), text(board));
