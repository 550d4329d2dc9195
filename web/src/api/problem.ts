export interface FieldError {
  field: string;
  code: string;
  message: string;
}

// What went wrong with a call: the server's problem document, or one of our own codes:
// "network" (no answer came), "timeout", "broken_answer".
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly errors: FieldError[] = [],
    readonly retryAfterMs = 0,
    readonly requestId = "",
    // Members of the document besides: account_suspended has `reason` and perhaps `until`.
    readonly more: Record<string, unknown> = {},
  ) {
    super(`${status} ${code}: ${detail}`);
    this.name = "ApiError";
  }

  get isNetwork(): boolean {
    return this.code === "network" || this.code === "timeout";
  }
}

export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError(0, "broken_answer", error instanceof Error ? error.message : String(error));
}

const longestRetryAfterMs = 120_000;

// Retry-After is seconds or a date (RFC 9110, 10.2.3).
export function retryAfterMs(header: string | null, now = Date.now()): number {
  if (!header) return 0;
  const seconds = Number(header);
  const wait = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - now;
  return Number.isFinite(wait) ? Math.min(Math.max(wait, 0), longestRetryAfterMs) : 0;
}

export async function problemOf(response: Response): Promise<ApiError> {
  let body: Record<string, unknown> = {};
  try {
    body = (await response.json()) as Record<string, unknown>;
  } catch {
    // A proxy's page instead of a problem document: the status says enough.
  }
  const text = (name: string): string => (typeof body[name] === "string" ? body[name] : "");
  return new ApiError(
    response.status,
    text("code") || `http_${response.status}`,
    text("detail") || text("title"),
    Array.isArray(body.errors) ? (body.errors as FieldError[]) : [],
    retryAfterMs(response.headers.get("Retry-After")),
    text("request_id"),
    body,
  );
}
