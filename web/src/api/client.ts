import { connection } from "../app/connection";
import { ApiError, problemOf } from "./problem";
import type { Answer, Body, Method, PathValues, Query, Route } from "./routes";

const apiBase = "/api/v1";

interface CallOptions {
  signal?: AbortSignal;
  // For POSTs that create: the same key on every attempt, so that a retry cannot create twice.
  idempotencyKey?: string;
  headers?: Record<string, string>;
  timeoutMs?: number;
  // How often a call that surely had no effect, or is repeatable, is tried again by itself.
  retries?: number;
}

type Values = Record<string, string | number | boolean | undefined>;

// What a route needs must be given; what it does not know cannot be.
type Needs<M extends Method, R extends string> = ([PathValues<M, R>] extends [never]
  ? { path?: undefined }
  : { path: PathValues<M, R> }) &
  (Body<M, R> extends undefined ? { body?: undefined } : { body: Body<M, R> }) & {
    query?: Query<M, R>;
  };

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

function urlOf(route: string, path: Values | undefined, query: Values | undefined): string {
  const filled = route.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String(path?.[name])),
  );
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return `${apiBase}${filled}${text ? `?${text}` : ""}`;
}

interface Attempt extends CallOptions {
  method: Method;
  url: string;
  body: string | undefined;
}

function headersOf({ method, body, headers: own, idempotencyKey }: Attempt): Headers {
  const headers = new Headers({ Accept: "application/json", ...own });
  if (method !== "GET") headers.set("Madang-Csrf", "1");
  if (body !== undefined) headers.set("Content-Type", "application/json");
  if (idempotencyKey) headers.set("Idempotency-Key", idempotencyKey);
  return headers;
}

// One attempt. Rejects with ApiError, or with AbortError when the caller's own signal fired.
async function attempt(one: Attempt): Promise<Response> {
  const timer = new AbortController();
  const timeout = setTimeout(() => timer.abort(), one.timeoutMs ?? defaultTimeoutMs);
  const abort = () => timer.abort();
  one.signal?.addEventListener("abort", abort);
  if (one.signal?.aborted) timer.abort();
  try {
    const response = await fetch(one.url, {
      method: one.method,
      headers: headersOf(one),
      body: one.body,
      signal: timer.signal,
      credentials: "same-origin",
      cache: "no-store",
    });
    connection.answered();
    return response;
  } catch (error) {
    if (one.signal?.aborted) throw error;
    if (timer.signal.aborted) throw new ApiError(0, "timeout", "no answer in time");
    connection.failed();
    throw new ApiError(0, "network", error instanceof Error ? error.message : "");
  } finally {
    clearTimeout(timeout);
    one.signal?.removeEventListener("abort", abort);
  }
}

async function answerOf(response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    return text ? JSON.parse(text) : undefined;
  } catch {
    throw new ApiError(response.status, "broken_answer", "not JSON");
  }
}

function mayRepeat(one: Attempt, error: ApiError): boolean {
  // 429 and 503 are refusals before any effect; after a lost connection only calls that may be
  // repeated are repeated.
  if (error.status === 429 || error.status === 503) return error.retryAfterMs <= longestOwnWaitMs;
  return error.isNetwork && (one.method === "GET" || one.idempotencyKey !== undefined);
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

async function repeat(one: Attempt): Promise<unknown> {
  const retries = one.retries ?? 1;
  for (let round = 0; ; ++round) {
    let error: ApiError;
    try {
      const response = await attempt(one);
      if (response.ok) return await answerOf(response);
      error = await problemOf(response);
    } catch (caught) {
      if (!(caught instanceof ApiError)) throw caught;
      error = caught;
    }
    if (round >= retries || !mayRepeat(one, error) || !navigator.onLine) {
      if (error.status === 401 && error.code !== "bad_credentials") onUnauthorized();
      throw error;
    }
    await pause(Math.max(error.retryAfterMs, 300 * 2 ** round) + Math.random() * 200, one.signal);
  }
}

// One call of the API, typed by its document. Errors: ApiError; AbortError when `signal` fired.
export function call<M extends Method, R extends Route<M>>(
  method: M,
  route: R,
  options: CallOptions & Needs<M, R>,
): Promise<Answer<M, R>> {
  const { path, query, body, ...rest } = options as CallOptions & {
    path?: Values;
    query?: Values;
    body?: unknown;
  };
  return repeat({
    ...rest,
    method,
    url: urlOf(route, path, query),
    body: body === undefined ? undefined : JSON.stringify(body),
  }) as Promise<Answer<M, R>>;
}
