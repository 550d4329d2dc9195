"""Three times what it can do: how long those wait who are served, how soon the others are told."""

import json
import statistics
import time

from harness import Process, UNLIMITED, BUILD, run, serving

SUSTAINED_BY = 64  # connections that wait for their answers
ONSET = 0.5  # seconds until a storm is told from a burst: counted apart
TEXT = "오늘 마당에서 친구들과 노을을 보며 한참을 걸었다. A new coat for the first cold day, and music until late."


def request(method, target, token, body=None):
    head = f"{method} {target} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
    data = json.dumps(body, ensure_ascii=False).encode() if body else b""
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n"
    return head.encode() + b"\r\n" + data + b"\0"


class Overload:
    """The server has one core and the generator the other, so that neither takes the other's.

    Sustained is what SUSTAINED_BY connections are served whose requests, when refused, come again after the second
    that Retry-After asks for.

    ratio: p99 of what is served at three times the sustained rate to p99 at a third of it.
    """

    def __init__(self, kind):
        self.kind = kind

    def open(self, bench, stack):
        self.bench = bench
        tokens = bench.seeded.tokens("authors" if self.kind == "posts" else "readers").read_text().split()
        make = {
            "posts": lambda token: request("POST", "/api/v1/posts", token, {"text": TEXT}),
            "feed": lambda token: request("GET", "/api/v1/feed", token),
            "search": lambda token: request("GET", "/api/v1/users?query=zzzz", token),
        }[self.kind]
        self.requests = bench.folder("overload") / "requests"
        self.requests.write_bytes(b"".join(make(token) for token in tokens))

    def sample(self, first_ours):
        folder = self.bench.seeded.copy(self.bench.memory / "overload")
        env = {**UNLIMITED, "MADANG_RATE__SEARCHES": "100000000", "LD_PRELOAD": str(BUILD / "bench" / "slow_fsync.so"),
               "SLOW_FSYNC_US": "100"}
        command = ["taskset", "-c", "0", BUILD / "madang", "serve", "--data", folder, "--listen", "127.0.0.1:0"]
        with serving(Process(command, env)) as server:
            self.server = server
            self.load(0, 2)
            sustained = served(self.load(0, self.bench.seconds))["rate"]
            calm = served(self.load(sustained / 3, self.bench.seconds))
            before = server.resident_mb()
            storm = self.load(sustained * 3, 2 * self.bench.seconds)
            most = server.resident_mb("VmHWM")
            recovery = self.recovered(sustained / 3)
        busy, told = served(storm), refused(storm)
        if storm["lost"] or storm["unanswered"]:
            raise RuntimeError(f"{storm['lost']} connections were lost, {storm['unanswered']} requests never answered")
        return {
            "ratio": busy["p99"] / calm["p99"], "sustained": sustained, "calm": calm, "served": busy, "refused": told,
            "onset_p99": storm["onset"].get(busy["status"], {"p99": 0})["p99"] / 1000, "offered": storm["sent"] / storm["seconds"],
            "late": storm["late"]["0"]["p99"] / 1000, "memory": (before, most), "recovery": recovery,
        }

    def load(self, rate, seconds):
        port = self.server.url.rsplit(":", 1)[1]
        return json.loads(run("taskset", "-c", "1", BUILD / "bench" / "open_loop", port, rate, seconds, self.requests,
                              SUSTAINED_BY, ONSET if rate else 0))

    def recovered(self, rate):
        """Seconds until everything offered at an ordinary rate is served again."""
        start = time.monotonic()
        while time.monotonic() - start < 30:
            if refused(self.load(rate, 0.5 + ONSET))["count"] == 0:
                return time.monotonic() - start
        raise RuntimeError("it does not recover")


def figures(result, statuses):
    for status in statuses:
        if of := result["answers"].get(status):
            return {"status": status, "count": of["count"], "rate": of["count"] / result["seconds"],
                    **{q: of[q] / 1000 for q in ("p50", "p99")}}
    return {"status": None, "count": 0, "rate": 0, "p50": 0, "p99": 0}


def served(result):
    return figures(result, ("200", "201"))


def refused(result):
    return figures(result, ("503", "429"))


def line(name, title, samples, spread):
    """A row of the table."""
    middle = statistics.median
    of = lambda part, key: middle(s[part][key] for s in samples)
    ratios = [s["ratio"] for s in samples]
    memory = samples[0]["memory"]
    return [name, title, spread(ratios, 2), "<= 3: " + ("yes" if middle(ratios) <= 3 else "NO"),
            f"{of('served', 'rate'):,.0f} of {middle(s['offered'] for s in samples):,.0f} req/s "
            f"(sustained {middle(s['sustained'] for s in samples):,.0f})", "-",
            f"{of('served', 'p99'):.1f} / {of('calm', 'p99'):.1f}",
            f"refused: p50 {of('refused', 'p50'):.1f}, p99 {of('refused', 'p99'):.1f} ms; first {ONSET} s: p99 "
            f"{middle(s['onset_p99'] for s in samples):.0f} ms; the generator's own lateness: p99 "
            f"{middle(s['late'] for s in samples):.1f} ms; memory {memory[0]:.0f} to {memory[1]:.0f} MB; recovered within "
            f"{max(s['recovery'] for s in samples):.1f} s"]
