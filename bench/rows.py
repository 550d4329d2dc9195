"""What is measured: each function runs one comparison once and returns a sample."""

import contextlib
import json
import pathlib
import shutil
import sqlite3
import statistics
import time
import urllib.request

from harness import BUILD, Seeded, fdatasync_ms, load, madang, nginx, peer, redis, run, serving, warm_up

REDIS_PORT = 7391
NGINX_PORT = 7392
PEOPLE, ENTRIES, FOLLOWERS = 200_000, 40, 10_000
TEXT = "오늘 마당에서 친구들과 노을을 보며 한참을 걸었다. A new coat for the first cold day, and music until late. 봄바람이 참 좋다!"


class Bench:
    """What rows share: folders, the seed, how long to measure."""

    def __init__(self, work, seconds):
        self.work = work
        self.seconds = seconds
        self.memory = pathlib.Path("/dev/shm/madang-bench")
        self._seeded = None

    @property
    def seeded(self):
        if self._seeded is None:
            self._seeded = Seeded(self.work)
        return self._seeded

    def folder(self, name, in_memory=False):
        path = (self.memory if in_memory else self.work) / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path

    def clean(self):
        shutil.rmtree(self.memory, ignore_errors=True)


def in_turn(first_ours, ours, theirs):
    """Ours and theirs, one after the other; which comes first changes with each run."""
    if first_ours:
        mine = ours()
        return mine, theirs()
    other = theirs()
    return ours(), other


def compared(mine, other, higher_is_better=True, **more):
    ratio = mine["value"] / other["value"] if higher_is_better else other["value"] / mine["value"]
    return {"ratio": ratio, "ours": mine, "peer": other, **more}


# ---- fan-out


class FanOutStore:
    """The feed store alone against ZADDs to Redis from C."""

    def __init__(self, one_by_one):
        self.key = "one_by_one" if one_by_one else "pipelined"

    def open(self, bench, stack):
        self.redis = stack.enter_context(serving(redis(bench.folder("redis"), REDIS_PORT)))
        run(tool("redis_fan_out"), "load", REDIS_PORT, PEOPLE, ENTRIES)

    def sample(self, first_ours):
        def ours():
            out = json.loads(run(tool("fan_out_bench"), "store", PEOPLE, ENTRIES, FOLLOWERS, 100))
            return {"value": statistics.median(out["push"]), "bytes_an_entry": out["bytes"] / out["entries"]}

        def theirs():
            out = json.loads(run(tool("redis_fan_out"), "store", REDIS_PORT, PEOPLE, FOLLOWERS, 30))
            return {"value": statistics.median(out[self.key])}

        mine, other = in_turn(first_ours, ours, theirs)
        return compared(mine, other, False, note=f"{mine['bytes_an_entry']:.1f} bytes an entry")


class FanOutCommit:
    """From the commit to the last follower, the reading of the followers included."""

    def open(self, bench, stack):
        self.bench = bench
        self.redis = stack.enter_context(serving(redis(bench.folder("redis"), REDIS_PORT)))
        run(tool("redis_fan_out"), "load", REDIS_PORT, PEOPLE, ENTRIES)

    def sample(self, first_ours):
        folder = self.bench.folder("fan_out")
        out = json.loads(run(tool("fan_out_bench"), "commit", folder, PEOPLE, ENTRIES, FOLLOWERS, 100))
        split = {name: statistics.median(out[name]) for name in ("dispatch", "read", "push")}
        other = json.loads(run(tool("redis_fan_out"), "commit", REDIS_PORT, folder / "fan_out.sqlite", 1_000_000_007, 30))
        mine = {"value": statistics.median(out["total"])}
        note = (f"dispatch {split['dispatch']:.0f} + read {split['read']:.0f} + push {split['push']:.0f} us; "
                f"peer: read {statistics.median(other['read']):.0f} us")
        return compared(mine, {"value": statistics.median(other["total"])}, False, note=note)


def tool(name):
    return BUILD / "bench" / name


# ---- over HTTP


def requests_a_second(figures):
    return {"value": figures["rate"], "cpu": figures["cpu"], "p99": figures["p99"] / 1000, "p50": figures["p50"] / 1000,
            "bytes": figures["bytes_each"]}


class Feed:
    """GET /feed by 2,000 people in turn, all feeds warm."""

    def __init__(self, how):
        self.how = how

    def open(self, bench, stack):
        self.bench = bench
        seeded = bench.seeded
        self.tokens = seeded.tokens("readers")
        self.server = self.ours(stack)
        self.peer = self.theirs(stack)
        for server in (self.server, self.peer):
            warm_up(server, ["/api/v1/feed"], tokens=self.tokens)  # builds what is cold, marks what is seen
            self.ask(server, seconds=1)
        time.sleep(3)  # the marks are saved

    def ours(self, stack):
        return stack.enter_context(serving(madang(self.bench.seeded.copy(self.bench.work / "feed"))))

    def theirs(self, stack):
        """On a Redis of its own, which is no cluster."""
        cache = stack.enter_context(serving(redis(self.bench.folder("redis"), REDIS_PORT)))
        server = stack.enter_context(serving(peer("feed.mjs", self.bench.seeded.database, REDIS_PORT, self.how)))
        server.parts += cache.parts
        return server

    def ask(self, server, **how):
        return load(server, ["/api/v1/feed"], tokens=self.tokens, **how)

    def sample(self, first_ours):
        mine, other = in_turn(first_ours, *(
            lambda server=server: requests_a_second(self.ask(server, seconds=self.bench.seconds))
            for server in (self.server, self.peer)))
        if abs(mine["bytes"] / other["bytes"] - 1) > 0.05:
            raise RuntimeError(f"the pages differ in size: {mine['bytes']:.0f} and {other['bytes']:.0f} bytes")
        return compared(mine, other)


class Write:
    """POST /posts or likes; `delay` microseconds an fsync, None: the disk's own."""

    def __init__(self, delay):
        self.delay = delay

    def open(self, bench, stack):
        self.bench = bench
        self.env = {"LD_PRELOAD": str(tool("slow_fsync.so")), "SLOW_FSYNC_US": str(self.delay)} if self.delay else {}

    def fresh(self, name):
        """A fresh copy for each run: on the disk, or in memory where the shim is the disk."""
        root = self.bench.memory if self.delay else self.bench.work
        return self.bench.seeded.copy(root / name)

    def disk(self):
        return f"fsync {self.delay / 1000:g} ms" if self.delay else f"fsync {fdatasync_ms(self.bench.work):.2f} ms (the disk's)"

    def sample(self, first_ours):
        disk = self.disk()

        def ours():
            folder = self.fresh("ours")
            with serving(madang(folder, self.env)) as server:
                return self.measure(server, folder / "madang.sqlite")

        def theirs():
            file = self.fresh("peer") / "madang.sqlite"
            with serving(peer("write.mjs", file, env=self.env)) as server:
                return self.measure(server, file)

        mine, other = in_turn(first_ours, ours, theirs)
        return compared(mine, other, note=disk)


class Posts(Write):
    def measure(self, server, file):
        body = json.dumps({"text": TEXT}, ensure_ascii=False)
        asked = {"tokens": self.bench.seeded.tokens("authors"), "method": "POST", "body": body}
        before = one_value(file, "select count(*) from posts")
        warm = load(server, ["/api/v1/posts"], 1, **asked)
        figures = load(server, ["/api/v1/posts"], self.bench.seconds, **asked)
        stored = one_value(file, "select count(*) from posts") - before
        answered = warm["requests"] + figures["requests"]
        if stored < answered:
            raise RuntimeError(f"{answered} posts were acknowledged and {stored} are there")
        return requests_a_second(figures)


class Likes(Write):
    """10,000 people like a hot post once each, over 64 connections."""

    def measure(self, server, file):
        facts = self.bench.seeded.facts
        seeded = self.bench.seeded
        load(server, [like(facts["a_post"])], tokens=seeded.tokens("authors"), method="PUT", once=True)
        # One after the other; a single one where 10,000 transactions take the peer long enough.
        hot = facts["hot_posts"] if self.delay == 100 else [facts["hot"]]
        figures = load(server, [like(post) for post in hot], tokens=seeded.tokens("people"), method="PUT", once=True)
        for post in hot:
            counted = one_value(file, f"select like_count from posts where id = {post}")
            rows = one_value(file, f"select count(*) from post_likes where post_id = {post}")
            if counted != rows or rows != facts["people"]:
                raise RuntimeError(f"{facts['people']} likes: the counter says {counted}, the rows {rows}")
        return requests_a_second(figures)


def like(post):
    return f"/api/v1/posts/{post}/like"


def one_value(file, sql):
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
        return db.execute(sql).fetchone()[0]


class Plain:
    """A JSON answer through the whole middleware against nginx, which returns the same bytes."""

    def __init__(self, signed_in):
        self.signed_in = signed_in

    def open(self, bench, stack):
        self.bench = bench
        self.target = f"/api/v1/posts/{bench.seeded.facts['hot']}" if self.signed_in else "/health/live"
        self.tokens = bench.seeded.tokens("readers") if self.signed_in else None
        self.server = stack.enter_context(serving(madang(bench.seeded.copy(bench.work / "plain"))))
        with urllib.request.urlopen(self.server.url + self.target) as answer:
            body = answer.read().decode()
        self.peer = stack.enter_context(serving(nginx(bench.folder("nginx"), NGINX_PORT, body)))
        for server in (self.server, self.peer):
            self.ask(server, 1)

    def ask(self, server, seconds):
        return requests_a_second(load(server, [self.target], seconds, tokens=self.tokens))

    def sample(self, first_ours):
        return compared(*in_turn(first_ours, lambda: self.ask(self.server, self.bench.seconds),
                                 lambda: self.ask(self.peer, self.bench.seconds)))


# ---- the process itself


class Start:
    """From spawning to `madang ready`, and resident memory."""

    def open(self, bench, stack):
        self.bench = bench

    def sample(self, first_ours):
        seeded = self.bench.seeded
        folder = seeded.copy(self.bench.work / "start")
        times = []
        for _ in range(5):
            with serving(madang(folder)) as server:
                times.append(server.ready_ms)
        with serving(madang(folder)) as server:
            time.sleep(2)
            idle = server.resident_mb()
            own = server.resident_mb("RssAnon")
            for _ in range(2):
                warm_up(server, ["/api/v1/feed"], tokens=seeded.tokens("readers"))
                time.sleep(1)
            full = server.resident_mb()
        entries = seeded.facts["feed_entries"]
        return {"start_ms": statistics.median(times), "idle_mb": idle, "own_mb": own, "full_mb": full, "entries": entries,
                "bytes_an_entry": (full - idle) * 1024 * 1024 / entries}
