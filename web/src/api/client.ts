import { connection } from "../app/connection";
import { ApiError, problemOf } from "./problem";

export const apiBase = "/api/v1";

type Method = "GET" | "POST" | "PATCH" | "PUT" | "DELETE";

export interface CallOptions {
  body?: unknown;
  query?: Record<string, string | number | undefined>;
  signal?: AbortSignal;
  // For POSTs that create: the same key on every attempt, so that a retry cannot create twice.
  idempotencyKey?: string;
  headers?: Record<string, string>;
  timeoutMs?: number;
  // How often a call that surely had no effect, or is repeatable, is tried again by itself.
  retries?: number;
}

const defaultTimeoutMs = 20_000;
const longestOwnWaitMs = 5_000;

let onUnauthorized: () => void = () => {};
export function whenUnauthorized(callback: () => void): void {
  onUnauthorized = callback;
}

// crypto.randomUUID exists only on secure origins, and a phone may come over plain http.
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function urlOf(path: string, query: CallOptions["query"]): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return `${apiBase}${path}${text ? `?${text}` : ""}`;
}

function headersOf(method: Method, options: CallOptions): Headers {
  const headers = new Headers({ Accept: "application/json", ...options.headers });
  if (method !== "GET") headers.set("Madang-Csrf", "1");
  if (options.body !== undefined) headers.set("Content-Type", "application/json");
  if (options.idempotencyKey) headers.set("Idempotency-Key", options.idempotencyKey);
  return headers;
}

// One attempt. Rejects with ApiError, or with AbortError when the caller's own signal fired.
async function attempt(method: Method, path: string, options: CallOptions): Promise<Response> {
  const timer = new AbortController();
  const timeout = setTimeout(() => timer.abort(), options.timeoutMs ?? defaultTimeoutMs);
  const abort = () => timer.abort();
  options.signal?.addEventListener("abort", abort);
  if (options.signal?.aborted) timer.abort();
  try {
    const response = await fetch(urlOf(path, options.query), {
      method,
      headers: headersOf(method, options),
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      signal: timer.signal,
      credentials: "same-origin",
      cache: "no-store",
    });
    connection.answered();
    return response;
  } catch (error) {
    if (options.signal?.aborted) throw error;
    if (timer.signal.aborted) throw new ApiError(0, "timeout", "no answer in time");
    connection.failed();
    throw new ApiError(0, "network", error instanceof Error ? error.message : "");
  } finally {
    clearTimeout(timeout);
    options.signal?.removeEventListener("abort", abort);
  }
}

async function answerOf<T>(response: Response): Promise<T> {
  const text = await response.text();
  try {
    return (text ? JSON.parse(text) : undefined) as T;
  } catch {
    throw new ApiError(response.status, "broken_answer", "not JSON");
  }
}

function mayRepeat(method: Method, options: CallOptions, error: ApiError): boolean {
  // 429 and 503 are refusals before any effect; after a lost connection only calls that may be
  // repeated are repeated.
  if (error.status === 429 || error.status === 503) return error.retryAfterMs <= longestOwnWaitMs;
  return error.isNetwork && (method === "GET" || options.idempotencyKey !== undefined);
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    });
  });
}

export async function call<T>(method: Method, path: string, options: CallOptions = {}): Promise<T> {
  const retries = options.retries ?? 1;
  for (let round = 0; ; ++round) {
    let error: ApiError;
    try {
      const response = await attempt(method, path, options);
      if (response.ok) return await answerOf<T>(response);
      error = await problemOf(response);
    } catch (caught) {
      if (!(caught instanceof ApiError)) throw caught;
      error = caught;
    }
    if (round >= retries || !mayRepeat(method, options, error) || !navigator.onLine) {
      if (error.status === 401 && error.code !== "bad_credentials") onUnauthorized();
      throw error;
    }
    await pause(
      Math.max(error.retryAfterMs, 300 * 2 ** round) + Math.random() * 200,
      options.signal,
    );
  }
}

export const get = <T>(path: string, options?: CallOptions) => call<T>("GET", path, options);
export const post = <T>(path: string, body?: unknown, options?: CallOptions) =>
  call<T>("POST", path, { ...options, body });
export const put = <T>(path: string, options?: CallOptions) => call<T>("PUT", path, options);
export const patch = <T>(path: string, body: unknown, options?: CallOptions) =>
  call<T>("PATCH", path, { ...options, body });
export const del = <T = void>(path: string, options?: CallOptions) =>
  call<T>("DELETE", path, options);
