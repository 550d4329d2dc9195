import type { LiveEvent } from "./types";

type Listener = (event: LiveEvent) => void;

const types = ["feed.new", "notification", "reset"];
const shortestWaitMs = 1_000;
const longestWaitMs = 60_000;

// One stream of live events for all tabs of this browser: a browser opens six connections to a
// host, and each tab holding one would soon starve the page. The tab that has the lock listens and
// tells the others. Without locks (plain http on a phone) each visible tab listens for itself.
export class LiveEvents {
  private source: EventSource | undefined;
  private channel: BroadcastChannel | undefined;
  private release: (() => void) | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private waitMs = shortestWaitMs;
  private stopped = false;

  constructor(
    private listener: Listener,
    private onOpen: () => void,
  ) {}

  start(): void {
    if (navigator.locks && "BroadcastChannel" in window) this.share();
    else {
      document.addEventListener("visibilitychange", this.followVisibility);
      this.followVisibility();
    }
  }

  stop(): void {
    this.stopped = true;
    document.removeEventListener("visibilitychange", this.followVisibility);
    this.close();
    this.channel?.close();
    this.release?.();
  }

  private share(): void {
    this.channel = new BroadcastChannel("madang.live");
    this.channel.onmessage = (message) => this.listener(message.data as LiveEvent);
    void navigator.locks.request("madang.live", () => {
      if (this.stopped) return undefined;
      this.open();
      return new Promise<void>((resolve) => (this.release = resolve));
    });
  }

  private followVisibility = (): void => {
    if (document.visibilityState === "hidden") this.close();
    else if (!this.source) this.open();
  };

  private open(): void {
    clearTimeout(this.timer);
    const source = new EventSource("/api/v1/events");
    this.source = source;
    source.onopen = () => {
      this.waitMs = shortestWaitMs;
      this.onOpen();
    };
    source.onerror = () => {
      // The browser reconnects by itself (with Last-Event-ID) unless the server refused.
      if (source.readyState !== EventSource.CLOSED) return;
      this.close();
      if (this.stopped) return;
      this.timer = setTimeout(() => this.open(), this.waitMs);
      this.waitMs = Math.min(this.waitMs * 2, longestWaitMs);
    };
    for (const type of types) source.addEventListener(type, this.receive);
  }

  private receive = (message: MessageEvent<string>): void => {
    let event: LiveEvent;
    try {
      event = JSON.parse(message.data) as LiveEvent;
    } catch {
      return;
    }
    event.type ??= message.type;
    this.listener(event);
    this.channel?.postMessage(event);
  };

  private close(): void {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = undefined;
  }
}
