"""Rows on the servers of script/cluster: MariaDB with two replicas, Redis Cluster 3 + 3, and instances of ours."""

import collections
import contextlib
import json
import os
import pathlib
import random
import re
import shutil
import socket
import sqlite3
import statistics
import time
import urllib.request

from harness import BUILD, ROOT, load, madang, peer, run, serving
from rows import ENTRIES, FOLLOWERS, TEXT, Feed, compared, in_turn, requests_a_second, tool

CLUSTER_PEOPLE = 20_000  # with a feed of each kind, in the memory of Redis
WITHOUT = "madang,haproxy,prometheus,alertmanager,mail,exporters"
DATABASE, REDIS = ("mariadb-1", "mariadb-2", "mariadb-3"), tuple(f"redis-{i}" for i in range(1, 7))

# The same secret for all instances. A commit is acknowledged when the primary has it: nothing here is about waiting for
# replicas. And requests may wait: with nine servers on these cores that is no overload.
SETTINGS = {"MADANG_SERVER__SECRET": "what the benchmark's instances share, 32 and more",
            "MADANG_DATABASE__DURABILITY": "local_only", "MADANG_SERVER__MAX_WAIT": "5000"}


class Cluster:
    """The servers, with the benchmarks' people moved in by `madang migrate-store`."""

    def __init__(self, bench, stack):
        self.bench = bench
        self.folder = bench.work / "cluster"
        if self.folder.exists():
            self.script("down")
        shutil.rmtree(self.folder, ignore_errors=True)
        stack.callback(lambda: self.script("down"))
        self.script("up", "--base-port", 0, "--without", WITHOUT)
        status = json.loads(self.script("status", "--json"))
        self.pids = {one["name"]: one["pid"] for one in status["servers"]}
        self.ports = {one["name"]: one["ports"][0] for one in status["servers"] if one["ports"]}
        said = (line.partition("=") for line in self.script("env").splitlines())
        self.env = {**{name: value for name, _, value in said}, **SETTINGS}
        self.env.pop("MADANG_HTTP__TRUSTED_PROXIES", None)
        self.sql("set global rpl_semi_sync_master_enabled=0")
        for name in REDIS:  # the shipped 64 MB are a desk's
            run("redis-cli", "-p", self.ports[name], "config", "set", "maxmemory", "2gb")
        house = bench.seeded.copy(bench.work / "moving")
        run(BUILD / "madang", "migrate-store", "--from", f"sqlite:{house}", "--to", self.env["MADANG_DATABASE__URL"],
            env={**os.environ, **self.env})
        shutil.rmtree(house)

    def script(self, *words):
        env = {**os.environ, "MADANG_BINARY": str(BUILD / "madang")}
        return run(ROOT / "script" / "cluster", *words, "--folder", self.folder, env=env, timeout=180)

    def sql(self, statement):
        return run("mariadb", "--no-defaults", f"--socket={self.folder}/data/mariadb-1/sock", "-BNe", statement)

    def instance(self, name, stack, env=None):
        """An instance whose CPU is counted with that of all servers it asks."""
        folder = self.bench.folder(f"cluster_{name}")
        server = stack.enter_context(serving(madang(folder, {**self.env, **(env or {})})))
        server.parts += [self.pids[one] for one in (*DATABASE, *REDIS)]
        return server

    def empty_redis(self):
        for name in REDIS[:3]:
            run("redis-cli", "-p", self.ports[name], "flushall")

    def cpu(self, names):
        """Seconds of each of these servers."""
        ticks = os.sysconf("SC_CLK_TCK")
        stat = lambda name: pathlib.Path(f"/proc/{self.pids[name]}/stat").read_text().rsplit(")", 1)[1].split()
        return {name: (int(stat(name)[11]) + int(stat(name)[12])) / ticks for name in names}


class OnCluster:
    """A row with some instances; each row has servers of its own."""

    instances = 2
    settings = {}

    def open(self, bench, stack):
        self.bench = bench
        self.cluster = Cluster(bench, stack)
        self.servers = [self.cluster.instance(i + 1, stack, self.settings) for i in range(self.instances)]
        self.tokens = {who: bench.seeded.tokens(who).read_text().split() for who in ("readers", "authors", "people", "star")}
        self.prepare()

    def prepare(self):
        pass


# ---- a client that tells single requests' times


class Client:
    """One connection, one request after the other."""

    def __init__(self, server, token=None):
        host, port = re.match(r"http://([^:]+):(\d+)", server.url).groups()
        self.socket = socket.create_connection((host, int(port)), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.token = token

    def send(self, method, target, token=None, body=None):
        data = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        head = f"{method} /api/v1{target} HTTP/1.1\r\nHost: bench\r\n"
        if token or self.token:
            head += f"Authorization: Bearer {token or self.token}\r\n"
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n"
        self.socket.sendall(head.encode() + b"\r\n" + data)

    def receive(self):
        """The body of an answer that is no refusal."""
        got = b""
        while (end := got.find(b"\r\n\r\n")) < 0:
            got += self.more()
        head = got[:end].decode()
        length = re.search(r"(?i)content-length: (\d+)", head)
        while len(got) < end + 4 + int(length.group(1) if length else 0):
            got += self.more()
        if not head.startswith("HTTP/1.1 2"):
            raise RuntimeError(f"{head.splitlines()[0]}: {got[end + 4:][:300].decode()}")
        return got[end + 4:]

    def more(self):
        data = self.socket.recv(65536)
        if not data:
            raise RuntimeError("the server closed the connection")
        return data

    def ask(self, *request, **more):
        """The answer and the milliseconds it took."""
        start = time.perf_counter()
        self.send(*request, **more)
        body = self.receive()
        return json.loads(body) if body else None, (time.perf_counter() - start) * 1000

    def close(self):
        self.socket.close()


def metric(servers, name):
    """The sum of what the servers say."""
    total = 0.0
    for server in servers:
        with urllib.request.urlopen(server.url + "/metrics") as answer:
            for text in answer.read().decode().splitlines():
                if text.startswith(name + " "):
                    total += float(text.split()[-1])
    return total


FROM_SQL = 'madang_feed_pages_total{source="sql"}'
# What a read of a feed that is not warm leads to, or hides: a build, one to be begun again, one refused (too many at once,
# Redis still young), an answer that did not come. How many pages come from SQL does not tell: a list with few live posts
# goes on with the archive, which is read there.
NOT_WARM = tuple(f"madang_feed_{what}" for what in ("builds", "builds_void", "builds_refused", "unreachable"))


def warm_feeds(server, people):
    """Everybody's first page again and again, until no feed had to be built for a whole round."""
    counts = lambda: [metric([server], name) for name in NOT_WARM]
    for _ in range(20):
        before = counts()
        asked = load(server, ["/api/v1/feed"], tokens=people, once=True, may_refuse=1)
        if asked["errors"] == 0 and counts() == before:
            time.sleep(3)  # the marks are saved
            return
        time.sleep(1)
    said = ", ".join(f"{name} {after - old:+.0f}" for name, old, after in zip(NOT_WARM, before, counts()))
    raise RuntimeError(f"feeds stay cold: in the last round {asked['errors']} refused, {said}")


def quantile(values, at):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(at * len(ordered)))]


# ---- rows with a peer


class FanOut:
    """The feed store in Redis Cluster against the seed's ZADDs as a bare pipeline, on the same servers."""

    def open(self, bench, stack):
        pass

    def sample(self, first_ours):
        out = json.loads(run(tool("redis_feed_bench"), CLUSTER_PEOPLE, ENTRIES, FOLLOWERS, 40))
        of = {name: statistics.median(values) for name, values in out.items()}
        note = "CPU, own + servers': " + " / ".join(
            f"{of[f'{side}_own'] / 1000:.1f} + {of[f'{side}_servers'] / 1000:.1f}" for side in ("push", "bare")) + " ms"
        return compared({"value": of["push"]}, {"value": of["bare"]}, False, note=note)


class ClusterFeed(Feed):
    """GET /feed through Redis Cluster; the peer on the same cluster, or on one Redis that is none."""

    def __init__(self, peer_on_cluster):
        super().__init__("get")
        self.peer_on_cluster = peer_on_cluster

    def ours(self, stack):
        self.cluster = Cluster(self.bench, stack)
        server = self.cluster.instance(1, stack)
        warm_feeds(server, self.tokens)
        return server

    def ask(self, server, **how):
        if server is not self.server:
            return super().ask(server, **how)
        of = lambda: [sum(self.cluster.cpu(names).values()) for names in (REDIS, DATABASE)]
        before = of()
        figures = super().ask(server, **how)
        self.parts = [(after - old) / figures["requests"] * 1e6 for after, old in zip(of(), before)]
        return figures

    def sample(self, first_ours):
        before = metric([self.server], FROM_SQL)
        sample = super().sample(first_ours)
        redis, database = self.parts
        sample["note"] = (f"ours: the instance {sample['ours']['cpu'] - redis - database:.0f}, Redis {redis:.0f}, MariaDB "
                          f"{database:.0f} us/request; {metric([self.server], FROM_SQL) - before:.0f} pages from SQL")
        return sample

    def theirs(self, stack):
        if not self.peer_on_cluster:
            return super().theirs(stack)
        ports = ",".join(str(self.cluster.ports[name]) for name in REDIS)
        server = stack.enter_context(serving(peer("feed.mjs", self.bench.seeded.database, ports, self.how)))
        server.parts += [self.cluster.pids[name] for name in REDIS]
        return server


class Reads(OnCluster):
    """GET /users/{id}/posts, whose list comes from SQL, with reads spread over replicas and with the primary alone.

    What is compared is what the database server with most to do spends on a request. Replicas take load from the primary,
    none from the sum: where all share the same cores, requests a second do not grow with them.
    """

    instances = 1
    # Feeds that are read after the start come from the primary, for as long as the first runs take.
    settings = {"MADANG_SERVER__WARM_UP": "0"}

    def open(self, bench, stack):
        super().open(bench, stack)
        url = self.cluster.env["MADANG_DATABASE__URL"]
        alone = re.sub(r"@([^,/]+)[^/]*/", r"@\1/", url)
        self.servers.append(self.cluster.instance("alone", stack, {**self.settings, "MADANG_DATABASE__URL": alone}))
        with contextlib.closing(sqlite3.connect(bench.seeded.database)) as db:
            authors = db.execute("select id from accounts where handle like 'author_%' limit 40").fetchall()
        self.targets = [f"/api/v1/users/{author}/posts" for author, in authors]
        for server in self.servers:
            self.warm(server)

    def warm(self, server):
        """Until posts come from the shared cache: what fills it is read from the primary."""
        missed = 'madang_cache_misses_total{cache="posts"}'
        for _ in range(10):
            before = metric([server], missed)
            asked = load(server, self.targets, 2, tokens=self.bench.seeded.tokens("authors"))
            if metric([server], missed) - before < asked["requests"] / 100:
                return
        raise RuntimeError("the cache of posts stays cold")

    def ask(self, server, seconds):
        before = self.cluster.cpu(DATABASE)
        figures = load(server, self.targets, seconds, tokens=self.bench.seeded.tokens("authors"))
        spent = [(after - before[name]) / figures["requests"] * 1e6 for name, after in self.cluster.cpu(DATABASE).items()]
        return {**requests_a_second(figures), "value": max(spent), "rate": figures["rate"], "all": sum(spent)}

    def sample(self, first_ours):
        mine, other = in_turn(first_ours, *(lambda server=server: self.ask(server, self.bench.seconds)
                                            for server in self.servers))
        return compared(mine, other, False, note=f"all database servers: {mine['all']:.0f} / {other['all']:.0f} us/request; "
                                                 f"{mine['rate']:,.0f} / {other['rate']:,.0f} req/s on shared cores")


class OwnWrites(OnCluster):
    """A read at another instance right after a write, against the same read again; the write must be in it."""

    ROUNDS = 400

    def prepare(self):
        with contextlib.closing(sqlite3.connect(self.bench.seeded.database)) as db:
            self.posts = [post for post, in db.execute("select id from posts order by id desc limit 2000")]
        random.shuffle(self.posts)
        self.sample(True)

    def sample(self, first_ours):
        times = collections.defaultdict(list)
        with contextlib.ExitStack() as stack:
            here, there = (stack.enter_context(contextlib.closing(Client(server))) for server in self.servers)
            for turn in range(self.ROUNDS):
                token, post = random.choice(self.tokens["readers"]), self.posts[turn]
                target = f"/posts/{post}/comments?limit=100"
                there.ask("GET", target, token)  # who this is, is known there
                written, took = here.ask("POST", f"/posts/{post}/comments", token, {"text": TEXT})
                times["write"].append(took)
                for kind in ("own", "again"):
                    seen, took = there.ask("GET", target, token)
                    times[kind].append(took)
                    if not any(item["id"] == written["id"] for item in seen["items"]):
                        raise RuntimeError("somebody does not see what they have just written")
                times["nobody"].append(there.ask("GET", target)[1])
        of = lambda kind: {"value": statistics.median(times[kind]), "p99": quantile(times[kind], 0.99)}
        own, again = of("own"), of("again")
        note = "; ".join(f"{title} p50 {of(kind)['value']:.2f}, p99 {of(kind)['p99']:.1f} ms"
                         for kind, title in (("write", "the write"), ("nobody", "a stranger's read")))
        return {"ratio": own["value"] / again["value"], "ours": own, "peer": again, "note": note}
