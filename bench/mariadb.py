"""Writes on MariaDB: posts, and likes of one hot post, over 64 connections, in both modes of durability.

    script/bench --help                                  installs what this needs, once it has run
    python3 -B bench/mariadb.py [--seconds N] [--runs N]

A primary and two replicas of script/cluster and one instance of Madang share the machine with wrk. For
`local_only` the primary does not wait for its replicas; it forces its logs to the disk all the same.
Every acknowledged post must be there, and the like counter must equal its rows.
"""

import argparse
import json
import pathlib
import re
import shutil
import statistics
import subprocess
import tempfile
import time

from harness import BUILD, ROOT, TICKS, Seeded, fdatasync_ms, load, madang, run, serving
from rows import TEXT, like

# The machine is shared by five servers and wrk: that is no overload to be refused.
PATIENT = {"MADANG_SERVER__MAX_WAIT": "5000"}
OTHERS = "redis,s3,haproxy,madang,prometheus,alertmanager,mail,exporters"
MODES = ("local_only", "replicated")


class Trio:
    """MariaDB with two replicas, in a folder that goes with it."""

    def __enter__(self):
        self.parent = pathlib.Path(tempfile.mkdtemp(prefix="madang-bench-"))
        self.folder = self.parent / "c"
        self.cluster("up", "--base-port", "0", "--without", OTHERS)
        self.env = dict(re.findall(r"^(?:export )?(MADANG_\w+)=(\S+)$", self.cluster("env"), re.MULTILINE))
        return self

    def __exit__(self, *_):
        self.cluster("down")
        shutil.rmtree(self.parent, ignore_errors=True)

    def cluster(self, *words):
        return run(ROOT / "script" / "cluster", *words, "--folder", self.folder)

    def sql(self, text, database="madang"):
        socket = self.folder / "data" / "mariadb-1" / "sock"
        return run("mariadb", "--no-defaults", "-uroot", f"--socket={socket}", "-BNe", text, database).strip()

    def cpu_seconds(self):
        pid = (self.folder / "pids" / "mariadb-1").read_text().strip()
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


class Bench:
    def __init__(self, trio, seeded, seconds):
        self.trio, self.seeded, self.seconds = trio, seeded, seconds
        self.hot = iter(seeded.facts["hot_posts"])

    def timed(self, server, requests):
        before = self.trio.cpu_seconds()
        figures = requests()
        figures["primary_cpu"] = (self.trio.cpu_seconds() - before) / figures["requests"] * 1e6
        return figures

    def posts(self, server):
        asked = {"tokens": self.seeded.tokens("authors"), "method": "POST",
                 "body": json.dumps({"text": TEXT}, ensure_ascii=False)}
        before = int(self.trio.sql("select count(*) from posts"))
        warm = load(server, ["/api/v1/posts"], 2, **asked)
        figures = self.timed(server, lambda: load(server, ["/api/v1/posts"], self.seconds, **asked))
        stored = int(self.trio.sql("select count(*) from posts")) - before
        if stored < warm["requests"] + figures["requests"]:
            raise RuntimeError(f"{warm['requests'] + figures['requests']} posts were acknowledged and {stored} are there")
        return figures

    def likes(self, server):
        post, people = next(self.hot), self.seeded.facts["people"]
        figures = self.timed(server, lambda: load(server, [like(post)], tokens=self.seeded.tokens("people"),
                                                  method="PUT", once=True))
        # The counter follows its rows within moments where the sequencer applies it.
        until = time.monotonic() + 10
        while (found := self.trio.sql(f"select like_count, (select count(*) from post_likes where post_id = {post}) "
                                      f"from posts where id = {post}")) != f"{people}\t{people}":
            if time.monotonic() > until:
                raise RuntimeError(f"{people} likes: the counter and the rows say {found}")
            time.sleep(0.05)
        return figures


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=int, default=5)
    options.add_argument("--runs", type=int, default=2, help="at most 2: each has a hot post of its own")
    arguments = options.parse_args()
    work = ROOT / "build" / "bench-data"
    work.mkdir(parents=True, exist_ok=True)
    seeded = Seeded(work)
    with Trio() as trio:
        moved = trio.parent / "data"
        shutil.copytree(seeded.folder / "data", moved)
        url = trio.env["MADANG_DATABASE__URL"]
        subprocess.run([BUILD / "madang", "migrate-store", "--from", f"sqlite:{moved}", "--to", url],
                       env={**trio.env, "PATH": "/usr/bin:/bin"}, check=True, capture_output=True)
        bench = Bench(trio, seeded, arguments.seconds)
        print(f"an fdatasync takes {fdatasync_ms(trio.parent):.2f} ms; medians of {arguments.runs} runs")
        print("| durability | work | requests/s | p50 ms | p99 ms | CPU us: Madang | primary |\n|---|---|---|---|---|---|---|")
        for mode in MODES:
            trio.sql(f"set global rpl_semi_sync_master_enabled = {'on' if mode == 'replicated' else 'off'}")
            time.sleep(1)  # replicas connect anew
            samples = {"posts": [], "likes": []}
            for _ in range(arguments.runs):
                for work_name, into in samples.items():
                    with serving(madang(moved, {**trio.env, **PATIENT, "MADANG_DATABASE__DURABILITY": mode})) as server:
                        into.append(getattr(bench, work_name)(server))
            for work_name, of in samples.items():
                middle = lambda key, by=1: statistics.median(s[key] for s in of) / by
                print(f"| {mode} | {work_name} | {middle('rate'):,.0f} | {middle('p50', 1000):.1f} | {middle('p99', 1000):.1f} | "
                      f"{middle('cpu'):.0f} | {middle('primary_cpu'):.0f} |", flush=True)


if __name__ == "__main__":
    main()
