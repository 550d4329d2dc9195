import { Store } from "./store";

export type ConnectionState = "online" | "offline" | "unreachable";

const shortestProbeMs = 2_000;
const longestProbeMs = 30_000;

// Whether the server can be reached: what the browser says, and what calls have shown. While it is
// not, the server is probed, more and more seldom, and "online again" is announced once.
class Connection {
  readonly state = new Store<ConnectionState>(navigator.onLine ? "online" : "offline");
  private probeMs = shortestProbeMs;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private returned = new Set<() => void>();

  constructor() {
    window.addEventListener("offline", () => this.state.set("offline"));
    window.addEventListener("online", () => this.probe());
  }

  onReturn(callback: () => void): () => void {
    this.returned.add(callback);
    return () => this.returned.delete(callback);
  }

  answered(): void {
    clearTimeout(this.timer);
    this.probeMs = shortestProbeMs;
    if (this.state.get() === "online") return;
    this.state.set("online");
    for (const callback of [...this.returned]) callback();
  }

  failed(): void {
    this.state.set(navigator.onLine ? "unreachable" : "offline");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.probe(), this.probeMs);
    this.probeMs = Math.min(this.probeMs * 2, longestProbeMs);
  }

  probe = (): void => {
    clearTimeout(this.timer);
    fetch("/health/live", { cache: "no-store" })
      .then((response) => (response.ok ? this.answered() : this.failed()))
      .catch(() => this.failed());
  };
}

export const connection = new Connection();
