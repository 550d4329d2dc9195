"""Servers under test, load on them, and what it cost."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BENCH = ROOT / "bench"
BUILD = ROOT / os.environ.get("MADANG_BENCH_BUILD", "build/release")
CONNECTIONS = 64
TICKS = os.sysconf("SC_CLK_TCK")

# What differs from the configuration as shipped: nobody is rate limited. The log level is as
# shipped, and the log goes to /dev/null. No password is ever hashed: sessions are seeded.
UNLIMITED = {"MADANG_RATE__READS": "100000000", "MADANG_RATE__WRITES": "100000000"}


def run(*command, **options):
    """Runs to its end; raises with what it said on standard error."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} {command[1]} failed: {done.stderr[-2000:]}{done.stdout[-500:]}")
    return done.stdout


class Process:
    """A server of ours or a peer; `parts` are the processes whose CPU is counted with it."""

    def __init__(self, command, env=None, cwd=None, ready=r"ready on (http://\S+)"):
        self.started = time.monotonic()
        self.child = subprocess.Popen(
            [str(c) for c in command], cwd=cwd, env={**os.environ, **(env or {})}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
        self.parts = [self.child.pid]
        self.url = None
        for line in self.child.stdout if ready else ():
            if found := re.search(ready, line):
                self.ready_ms = (time.monotonic() - self.started) * 1000
                self.url = found.group(1)
                break
        if ready and self.url is None:
            raise RuntimeError(f"{command[0]} ended before it was ready (exit {self.child.wait()})")

    def cpu_seconds(self):
        total = 0
        for pid in self.parts:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICKS

    def resident_mb(self, what="VmRSS"):
        status = pathlib.Path(f"/proc/{self.child.pid}/status").read_text()
        return int(re.search(what + r":\s+(\d+) kB", status).group(1)) / 1024

    def stop(self):
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(30)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child.stdout.close()


@contextlib.contextmanager
def serving(process):
    try:
        yield process
    finally:
        process.stop()


def madang(data, env=None):
    return Process([BUILD / "madang", "serve", "--data", data, "--listen", "127.0.0.1:0"], {**UNLIMITED, **(env or {})})


def peer(script, *arguments, env=None):
    return Process(["node", script, *arguments], env, BENCH / "peers")


def redis(folder, port):
    """Without persistence: at its fastest."""
    process = Process(["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                       "--dir", folder], ready=None)
    for _ in range(100):
        if subprocess.run(["redis-cli", "-p", str(port), "ping"], capture_output=True).stdout == b"PONG\n":
            return process
        time.sleep(0.05)
    process.stop()
    raise RuntimeError("Redis does not answer")


def nginx(folder, port, body):
    """One worker, no log: at its fastest."""
    conf = pathlib.Path(folder) / "nginx.conf"
    conf.write_text(f"""
worker_processes 1; daemon off; error_log /dev/null; pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 1000000000; server {{ listen 127.0.0.1:{port};
  location / {{ default_type application/json; return 200 '{body}'; }} }} }}
""")
    process = Process(["/usr/sbin/nginx", "-c", conf, "-p", folder], ready=None)
    for _ in range(100):
        workers = run("pgrep", "-P", process.child.pid) if alive_children(process) else ""
        if workers:
            process.parts += [int(pid) for pid in workers.split()]
            process.url = f"http://127.0.0.1:{port}"
            return process
        time.sleep(0.05)
    process.stop()
    raise RuntimeError("nginx does not start")


def alive_children(process):
    return subprocess.run(["pgrep", "-P", str(process.child.pid)], capture_output=True).returncode == 0


def load(server, targets, seconds=0, tokens=None, method="GET", body=None, once=False, may_refuse=0):
    """wrk's figures, with `rate` (requests/s), `cpu` (microseconds a request) and `bytes_each`."""
    env = {**os.environ, "TARGETS": " ".join(targets), "METHOD": method}
    if tokens:
        env["TOKENS"] = str(tokens)
    if body:
        env["BODY"] = body
    if once:
        env["ONCE"] = "1"
    before = server.cpu_seconds()
    wrk = subprocess.Popen(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{600 if once else seconds}", "--timeout", "30",
         "-s", BENCH / "load" / "requests.lua", server.url], env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said = wrk.stderr.readline()
    while once and "all answered" in said and wrk.poll() is None:
        wrk.send_signal(signal.SIGINT)
        time.sleep(0.05)
    out, more = wrk.communicate()
    if wrk.returncode != 0 or not out:
        raise RuntimeError(f"wrk failed: {said}{more}")
    result = json.loads(out.strip().splitlines()[-1])
    if result["errors"] > may_refuse * result["requests"]:
        raise RuntimeError(f"{result['errors']} of {result['requests']} requests failed at {server.url}")
    result["rate"] = result["requests"] / result["micros"] * 1e6
    result["cpu"] = (server.cpu_seconds() - before) / result["requests"] * 1e6
    result["bytes_each"] = result["bytes"] / result["requests"]
    return result


def warm_up(*what, **how):
    """load() by everybody once, until nobody is refused: what is cold takes longer, and those who ask for more than the
    server can do are told to come back in a second."""
    for _ in range(30):
        result = load(*what, once=True, may_refuse=1, **how)
        if result["errors"] == 0:
            return
        time.sleep(1)
    raise RuntimeError(f"still cold: {result['errors']} of {result['requests']} requests failed")


class Seeded:
    """A data folder with the benchmarks' people, copied for each use."""

    def __init__(self, work):
        self.folder = work / "seed"
        shutil.rmtree(self.folder, ignore_errors=True)  # made anew: posts grow old, tables change
        self.folder.mkdir(parents=True)
        run(BUILD / "madang", "migrate", "--data", self.folder / "data")
        run("node", BENCH / "seed_bench.mjs", self.folder / "data", self.folder / "out")
        self.facts = json.loads((self.folder / "out" / "facts.json").read_text())

    @property
    def database(self):
        return self.folder / "data" / "madang.sqlite"

    def tokens(self, who):
        return self.folder / "out" / f"{who}.txt"

    def copy(self, where):
        """A fresh copy at `where`: the folder for us, the database file for a peer."""
        shutil.rmtree(where, ignore_errors=True)
        shutil.copytree(self.folder / "data", where)
        return where


def fdatasync_ms(folder, rounds=100):
    """What the disk takes now, for an append of one page."""
    path = pathlib.Path(folder) / "fsync_probe"
    times = []
    with open(path, "wb", buffering=0) as file:
        for _ in range(rounds):
            file.write(b"x" * 4096)
            start = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - start) * 1000)
    path.unlink()
    return statistics.median(times)
