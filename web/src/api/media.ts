import { connection } from "../app/connection";
import { call } from "./client";
import { ApiError } from "./problem";
import type { MediaTicket } from "./types";

export type Purpose = "post" | "avatar";

export const openUpload = (blob: Blob, purpose: Purpose, key: string, signal: AbortSignal) =>
  call("POST", "/media", {
    body: { content_type: blob.type, bytes: blob.size, purpose },
    idempotencyKey: key,
    signal,
  });
export const completeUpload = (id: number, signal: AbortSignal) =>
  call("POST", "/media/{id}/complete", { path: { id }, signal });
export const readMedia = (id: number, signal: AbortSignal) =>
  call("GET", "/media/{id}", { path: { id }, signal });

const uploadTimeoutMs = 5 * 60_000;

// The S3 way: the bytes go to the presigned address, and an error is an XML document. fetch cannot
// tell the progress of an upload, hence XMLHttpRequest.
export function putBytes(
  ticket: MediaTicket,
  blob: Blob,
  onProgress: (share: number) => void,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(ticket.upload.method, ticket.upload.url);
    for (const [name, value] of Object.entries(ticket.upload.headers)) {
      request.setRequestHeader(name, value);
    }
    request.timeout = uploadTimeoutMs;
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    };
    request.onload = () => {
      connection.answered();
      if (request.status >= 200 && request.status < 300) return resolve();
      const code = request.responseXML?.querySelector("Error > Code")?.textContent;
      reject(new ApiError(request.status, code ? `upload_${code}` : "upload_refused", ""));
    };
    request.onerror = () => {
      connection.failed();
      reject(new ApiError(0, "network", ""));
    };
    request.ontimeout = () => reject(new ApiError(0, "timeout", ""));
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    signal.addEventListener("abort", () => request.abort());
    if (signal.aborted) return reject(new DOMException("cancelled", "AbortError"));
    request.send(blob);
  });
}
