import { connection } from "../app/connection";
import type { LiveEvent } from "./types";

type Listener = (event: LiveEvent) => void;

const types = ["feed.new", "notification", "reset"];
const lockName = "madang.live";
const shortestWaitMs = 1_000;
const longestWaitMs = 60_000;

// One stream of live events for all tabs of this browser: a browser opens six connections to a
// host, and each tab holding one would soon starve the page. The tab that has the lock listens and
// tells the others; the tab last looked at takes it, because hidden ones may be put to sleep.
// Without locks (plain http on a phone) each visible tab listens for itself.
export class LiveEvents {
  private source: EventSource | undefined;
  private channel: BroadcastChannel | undefined;
  private queued: AbortController | undefined;
  private release: (() => void) | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private waitMs = shortestWaitMs;
  private stopped = false;
  private readonly shared = Boolean(navigator.locks) && "BroadcastChannel" in window;

  constructor(
    private listener: Listener,
    private onOpen: () => void,
    // The server said no: perhaps the session has ended.
    private onRefused: () => void,
  ) {}

  start(): void {
    if (this.shared) {
      this.channel = new BroadcastChannel(lockName);
      this.channel.onmessage = (message: MessageEvent<LiveEvent>) => this.listener(message.data);
      if (document.visibilityState === "hidden") this.lead(false);
    }
    document.addEventListener("visibilitychange", this.followVisibility);
    this.followVisibility();
  }

  stop(): void {
    this.stopped = true;
    document.removeEventListener("visibilitychange", this.followVisibility);
    this.close();
    this.queued?.abort();
    this.channel?.close();
    this.release?.();
  }

  private followVisibility = (): void => {
    const visible = document.visibilityState === "visible";
    if (this.shared) {
      if (visible && !this.release) this.lead(true);
    } else if (!visible) this.close();
    else if (!this.source) this.open();
  };

  // Waits for the lock, or takes it from whoever has it.
  private lead(steal: boolean): void {
    this.queued?.abort();
    this.queued = steal ? undefined : new AbortController();
    const options: LockOptions = steal ? { steal } : { signal: this.queued!.signal };
    let leading = false;
    const held = () => {
      if (this.stopped) return undefined;
      leading = true;
      this.open();
      return new Promise<void>((resolve) => (this.release = resolve));
    };
    // It fails when another tab took the lock, or when we left the queue in order to take it.
    navigator.locks.request(lockName, options, held).catch(() => leading && this.lost());
  }

  private lost(): void {
    this.release = undefined;
    this.close();
    if (!this.stopped) this.lead(false);
  }

  private open(): void {
    clearTimeout(this.timer);
    const source = new EventSource("/api/v1/events");
    this.source = source;
    source.onopen = () => {
      this.waitMs = shortestWaitMs;
      this.onOpen();
      // What happened before this stream was open, no tab has heard.
      this.channel?.postMessage({ type: "reset" });
    };
    source.onerror = () => {
      // Why the stream broke, a plain call finds out; the page then says so.
      connection.probe();
      // The browser reconnects by itself (with Last-Event-ID) unless the server refused.
      if (source.readyState !== EventSource.CLOSED) return;
      this.close();
      if (this.stopped) return;
      this.onRefused();
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
