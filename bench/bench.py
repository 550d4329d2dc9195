"""One table: ours against a peer, each row a ratio measured in one run, several runs."""

import argparse
import contextlib
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys

import cluster
import cluster_alone
import overload
import rows
from harness import CONNECTIONS, ROOT

# name: (title, what it should reach, how to make it, the unit of the values)
ROWS = {
    "fan_out_store": ("fan-out to 10,000, the store alone / pipelined ZADD", 15, lambda: rows.FanOutStore(False), "us"),
    "fan_out_single": ("fan-out to 10,000, the store alone / ZADD one by one", 15, lambda: rows.FanOutStore(True), "us"),
    "fan_out": ("fan-out to 10,000, commit to last follower / pipelined ZADD", 5, lambda: rows.FanOutCommit(), "us"),
    "feed": ("GET /feed of 20 posts / Fastify + ioredis, pipelined GETs", 5, lambda: rows.Feed("get"), "req/s"),
    "feed_mget": ("GET /feed of 20 posts / Fastify + ioredis, one MGET", None, lambda: rows.Feed("mget"), "req/s"),
    "posts": ("POST /posts, the disk's own fsync / Fastify + better-sqlite3", None, lambda: rows.Posts(None), "req/s"),
    "posts_0.1ms": ("POST /posts, fsync 0.1 ms / Fastify + better-sqlite3", 2, lambda: rows.Posts(100), "req/s"),
    "posts_2.5ms": ("POST /posts, fsync 2.5 ms / Fastify + better-sqlite3", 10, lambda: rows.Posts(2500), "req/s"),
    "likes": ("like of a hot post, the disk's own fsync / Fastify + better-sqlite3", None, lambda: rows.Likes(None), "req/s"),
    "likes_0.1ms": ("like of a hot post, fsync 0.1 ms / Fastify + better-sqlite3", 2, lambda: rows.Likes(100), "req/s"),
    "likes_2.5ms": ("like of a hot post, fsync 2.5 ms / Fastify + better-sqlite3", 10, lambda: rows.Likes(2500), "req/s"),
    "plain": ("GET /health/live / nginx returning the same JSON", 0.6, lambda: rows.Plain(False), "req/s"),
    "post": ("GET /posts/{id}, signed in, cached / nginx returning the same JSON", None, lambda: rows.Plain(True), "req/s"),
    "overload_posts": ("POST /posts at three times the sustained rate / at a third", 3, lambda: overload.Overload("posts"), "req/s"),
    "overload_feed": ("GET /feed at three times the sustained rate / at a third", 3, lambda: overload.Overload("feed"), "req/s"),
    "overload_search": ("GET /users?query= at three times the sustained rate / at a third", 3,
                        lambda: overload.Overload("search"), "req/s"),
    "cluster_fan_out": ("fan-out to 10,000 through Redis Cluster, the store / bare pipeline of ZADD", 1, lambda: cluster.FanOut(), "us"),
    "cluster_feed": ("GET /feed through Redis Cluster / Fastify + ioredis on the same cluster", 3,
                     lambda: cluster.ClusterFeed(True), "req/s"),
    "cluster_feed_single": ("GET /feed through Redis Cluster / Fastify + ioredis on one Redis without a cluster", None,
                            lambda: cluster.ClusterFeed(False), "req/s"),
    "cluster_reads": ("GET /users/{id}/posts, the busiest database server's CPU: 2 replicas / the primary alone", None,
                      lambda: cluster.Reads(), "us"),
    "cluster_own_writes": ("a read at another instance right after one's write / the same read again", None,
                           lambda: cluster.OwnWrites(), "ms"),
    "cluster_cache": ("posts found in the shared cache", None, lambda: cluster_alone.CacheHits(), "%"),
    "cluster_last_follower": ("from a post to the last of 10,000 followers at another instance", None,
                              lambda: cluster_alone.LastFollower(), "ms"),
    "start": ("cold start, resident memory", None, lambda: rows.Start(), ""),
}


def spread(values, digits=1):
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def pair(samples, key):
    if key not in samples[0]["ours"] or key not in samples[0].get("peer", {}):
        return "-"
    return " / ".join(number(statistics.median(s[side][key] for s in samples)) for side in ("ours", "peer"))


def compared_line(name, samples):
    title, reach, _, unit = ROWS[name]
    ratios = [s["ratio"] for s in samples]
    verdict = "" if reach is None else f">= {reach}: " + ("yes" if statistics.median(ratios) >= reach else "NO")
    notes = samples[len(samples) // 2].get("note", "")
    return [name, title, spread(ratios, 2), verdict, f"{pair(samples, 'value')} {unit}", pair(samples, "cpu"),
            pair(samples, "p99"), notes]


def start_line(name, samples):
    times = [s["start_ms"] for s in samples]
    idle, full = ([s[key] for s in samples] for key in ("idle_mb", "full_mb"))
    each = [s["bytes_an_entry"] for s in samples]
    good = statistics.median(times) < 300 and statistics.median(idle) < 60
    return [name, ROWS[name][0], "-", "< 300 ms, < 60 MB: " + ("yes" if good else "NO"), f"{spread(times, 0)} ms", "-", "-",
            f"idle {spread(idle)} MB, of it {samples[0]['own_mb']:.1f} not file-backed; with {samples[0]['entries']:,} feed entries {spread(full)} MB: "
            f"{spread(each, 0)} bytes an entry with all caches"]


def line(name, samples):
    if name == "start":
        return start_line(name, samples)
    if name in cluster_alone.ALONE:
        return cluster_alone.line(name, ROWS[name][0], samples, spread)
    if name.startswith("overload"):
        return overload.line(name, ROWS[name][0], samples, spread)
    return compared_line(name, samples)


HEADER = ["row", "ours / peer", "ratio: median (spread)", "reach", "values, ours / peer", "CPU us/request", "p99 ms", "notes"]


def table(lines):
    columns = list(zip(HEADER, *lines))
    widths = [max(len(cell) for cell in column) for column in columns]
    rule = ["-" * width for width in widths]
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |"
                     for line in [HEADER, rule, *lines])


def conditions(bench, runs):
    with open("/proc/cpuinfo", encoding="ascii") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "?")
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    return (f"{os.cpu_count()} cores ({model}), load before {os.getloadavg()[0]:.1f}, commit {commit}; {runs} runs, ours and the "
            f"peer in turn, {bench.seconds} s each.\nHTTP: wrk, 1 thread, {CONNECTIONS} connections, on the same cores as the "
            "servers, nothing pinned; CPU is user + system time of the\nserver's processes (the peer's Redis included, wrk not) "
            "divided by requests. Rate limits are raised; the log is written at its usual level to /dev/null.")


def measure(name, bench, runs):
    row = ROWS[name][2]()
    samples = []
    with contextlib.ExitStack() as stack:
        row.open(bench, stack)
        for turn in range(runs):
            samples.append(row.sample(turn % 2 == 0))
            shown = next(samples[-1][key] for key in ("ratio", "start_ms", "figure") if key in samples[-1])
            print(f"  {name} {turn + 1}/{runs}: {shown:.2f}", file=sys.stderr, flush=True)
    return samples


def main():
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS) + "; a prefix with a * at its end names several")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="of load in each measurement")
    parser.add_argument("--json", type=pathlib.Path, help="also write every sample there")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are stopped
    chosen = [name for name in ROWS
              if not arguments.rows or any(name == r or (r.endswith("*") and name.startswith(r[:-1])) for r in arguments.rows)]
    if not chosen:
        parser.error("no such row: " + " ".join(arguments.rows))
    work = ROOT / "build" / "bench-data"
    work.mkdir(parents=True, exist_ok=True)
    bench = rows.Bench(work, arguments.seconds)
    head = conditions(bench, arguments.runs)
    lines, everything, failed = [], {}, False
    try:
        for name in chosen:
            try:
                everything[name] = measure(name, bench, arguments.runs)
            except (RuntimeError, OSError) as error:
                print(f"  {name} failed: {error}", file=sys.stderr)
                failed = True
                continue
            lines.append(line(name, everything[name]))
    finally:
        bench.clean()
    print(head + "\n\n" + table(lines))
    if arguments.json:
        arguments.json.write_text(json.dumps(everything, indent=1))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
