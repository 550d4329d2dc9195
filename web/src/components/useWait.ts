import { useEffect, useState } from "react";
import type { ApiError } from "../api/problem";

// After a refusal with Retry-After the button waits as long as the server says.
export function useWait(error: ApiError | undefined): boolean {
  const [waiting, setWaiting] = useState(false);
  useEffect(() => {
    if (!error?.retryAfterMs) return undefined;
    setWaiting(true);
    const timer = setTimeout(() => setWaiting(false), error.retryAfterMs);
    return () => clearTimeout(timer);
  }, [error]);
  return waiting;
}
