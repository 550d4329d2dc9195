"""Rows on the servers of script/cluster that are compared with nothing."""

import collections
import contextlib
import json
import random
import selectors
import sqlite3
import statistics
import threading
import time

from cluster import Client, OnCluster, metric, warm_feeds
from harness import load
from rows import TEXT


class CacheHits(OnCluster):
    """How many posts come from the shared cache: when it is empty, and while people read and write."""

    def prepare(self):
        readers = self.bench.seeded.tokens("readers")
        self.ask = lambda server, **how: load(server, ["/api/v1/feed"], tokens=readers, **how)
        with contextlib.closing(sqlite3.connect(self.bench.seeded.database)) as db:
            self.posts = [post for post, in db.execute("select id from posts order by id desc limit 2000")]

    def ratio(self, work):
        names = [f'madang_cache_{what}_total{{cache="posts"}}' for what in ("hits", "misses")]
        before = [metric(self.servers, name) for name in names]
        work()
        hits, misses = (metric(self.servers, name) - old for name, old in zip(names, before))
        if hits + misses == 0:
            raise RuntimeError("the cache of posts was not asked")
        return hits / (hits + misses)

    def sample(self, first_ours):
        self.cluster.empty_redis()
        time.sleep(1)
        cold = self.ratio(lambda: self.ask(self.servers[0], once=True, may_refuse=0.2))
        warm_feeds(self.servers[0], self.bench.seeded.tokens("readers"))
        stop = threading.Event()
        writing = threading.Thread(target=self.write, args=(stop,))
        self.written, self.failure = 0, None
        writing.start()
        try:
            busy = self.ratio(lambda: [self.ask(server, seconds=self.bench.seconds) for server in self.servers])
        finally:
            stop.set()
            writing.join()
        if self.failure:
            raise self.failure
        return {"figure": busy * 100, "cold": cold * 100, "writes": self.written / (2 * self.bench.seconds)}

    def write(self, stop):
        """A post and nine likes of newer posts at a time, a hundred writes a second where the machine lets it."""
        with contextlib.closing(Client(self.servers[0])) as client:
            try:
                while not stop.wait(0.1):
                    client.ask("POST", "/posts", random.choice(self.tokens["authors"]), {"text": TEXT})
                    for _ in range(9):
                        client.ask("PUT", f"/posts/{random.choice(self.posts)}/like", random.choice(self.tokens["readers"]))
                    self.written += 10
            except (OSError, RuntimeError) as error:
                self.failure = error

    @staticmethod
    def line(samples, spread):
        middle = lambda key: statistics.median(s[key] for s in samples)
        return [spread([s["figure"] for s in samples], 2) + " %", "", "-", "-", "-",
                f"while 64 connections read feeds at either instance and {middle('writes'):.0f} posts and likes a second are "
                f"written; everybody's first page with an empty Redis: {spread([s['cold'] for s in samples], 1)} %"]


class LastFollower(OnCluster):
    """From a post through one instance to the feeds of 10,000 followers, told to those who listen at the other."""

    LISTENERS, POSTS = 500, 10

    def prepare(self):
        warm_feeds(self.servers[1], self.bench.seeded.tokens("people"))

    def sample(self, first_ours):
        step = len(self.tokens["people"]) // self.LISTENERS
        listening = self.tokens["people"][::step][:self.LISTENERS]
        sent, answered = [], []
        with contextlib.ExitStack() as stack:
            writer = stack.enter_context(contextlib.closing(Client(self.servers[0], self.tokens["star"][0])))
            streams = [stack.enter_context(contextlib.closing(Client(self.servers[1], token))) for token in listening]
            for stream in streams:
                stream.send("GET", "/events")
            ready = stack.enter_context(selectors.DefaultSelector())
            for stream in streams:
                ready.register(stream.socket, selectors.EVENT_READ, stream)
            self.quiet(ready)
            for turn in range(-1, self.POSTS):
                took = self.once(ready, writer)
                if turn >= 0:
                    sent.append(took[0])
                    answered.append(took[1])
                self.quiet(ready)
        return {"figure": statistics.median(sent), "worst": max(sent), "answered": statistics.median(answered)}

    @staticmethod
    def quiet(ready):
        while events := ready.select(0.3):
            for key, _ in events:
                key.data.more()

    def once(self, ready, writer):
        """Milliseconds from sending the post, and from its answer, to the last who is told; the post is in their feeds."""
        ready.register(writer.socket, selectors.EVENT_READ, writer)
        waiting = set()
        for key in ready.get_map().values():
            waiting.add(key.data)
        tails = collections.defaultdict(bytes)
        start = time.perf_counter()
        writer.send("POST", "/posts", body={"text": TEXT})
        last = answered = start
        while waiting:
            events = ready.select(10)
            if not events:
                raise RuntimeError(f"{len(waiting)} of {self.LISTENERS} followers were told nothing within 10 s")
            for key, _ in events:
                if key.data is writer:
                    post = json.loads(writer.receive())["id"]
                    answered = time.perf_counter()
                    waiting.discard(writer)
                    continue
                tails[key.data] = tails[key.data][-64:] + key.data.more()
                if b"event: feed.new" in tails[key.data] and key.data in waiting:
                    waiting.discard(key.data)
                    last = time.perf_counter()
        ready.unregister(writer.socket)
        with contextlib.closing(Client(self.servers[1])) as reader:
            for token in random.sample(self.tokens["people"], 100):
                page, _ = reader.ask("GET", "/feed?limit=5", token)
                if not any(item["post"]["id"] == post for item in page["items"]):
                    raise RuntimeError("a follower was told, and another does not have the post")
        return (last - start) * 1000, max(0.0, last - answered) * 1000

    @staticmethod
    def line(samples, spread):
        return [spread([s["figure"] for s in samples]) + " ms", "", "-", "-", f"{max(s['worst'] for s in samples):.0f} at worst",
                f"from sending the request; {spread([s['answered'] for s in samples])} ms from its answer. "
                f"{LastFollower.LISTENERS} of the 10,000 listen; 100 others' feeds are looked at then"]


ALONE = {"cluster_cache": CacheHits, "cluster_last_follower": LastFollower}


def line(name, title, samples, spread):
    return [name, title, *ALONE[name].line(samples, spread)]
