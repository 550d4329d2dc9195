import { newKey } from "../../api/client";
import { completeUpload, openUpload, putBytes, readMedia, type Purpose } from "../../api/media";
import { ApiError } from "../../api/problem";
import type { MediaState, MediaTicket } from "../../api/types";
import { cropAvatar, shrinkPicture } from "./shrink";

export type UploadStep = "preparing" | "uploading" | "processing";

// What one upload has achieved so far: a retry goes on from there.
export interface UploadMemory {
  key: string;
  blob?: Blob;
  ticket?: MediaTicket;
  uploaded?: boolean;
}

export const newUpload = (): UploadMemory => ({ key: newKey() });

export interface UploadHooks {
  onStep: (step: UploadStep) => void;
  onProgress: (share: number) => void;
  signal: AbortSignal;
}

const firstPollMs = 300;
const longestPollMs = 2_000;
const patienceMs = 120_000;
const expiryMarginMs = 15_000;

function stillValid(ticket: MediaTicket | undefined): boolean {
  if (!ticket) return false;
  return Date.parse(ticket.upload.expires_at) - Date.now() > expiryMarginMs;
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("cancelled", "AbortError"));
    });
  });
}

async function untilReady(first: MediaState, signal: AbortSignal): Promise<MediaState> {
  let state = first;
  const until = Date.now() + patienceMs;
  for (
    let pause = firstPollMs;
    state.state === "processing";
    pause = Math.min(pause * 1.6, longestPollMs)
  ) {
    if (Date.now() > until) throw new ApiError(0, "timeout", "");
    await wait(pause, signal);
    state = await readMedia(first.id, signal);
  }
  if (state.state === "ready") return state;
  throw new ApiError(422, state.reason ?? "not_an_image", "");
}

// One picture from the file to a ready media object: shrink, ask for an address, send, complete.
export async function uploadPicture(
  file: Blob,
  purpose: Purpose,
  memory: UploadMemory,
  hooks: UploadHooks,
): Promise<MediaState> {
  const { signal } = hooks;
  hooks.onStep("preparing");
  memory.blob ??= await (purpose === "avatar" ? cropAvatar(file) : shrinkPicture(file));
  if (signal.aborted) throw new DOMException("cancelled", "AbortError");
  if (!memory.uploaded) {
    if (!stillValid(memory.ticket)) {
      if (memory.ticket) memory.key = newKey();
      memory.ticket = await openUpload(memory.blob, purpose, memory.key, signal);
    }
    hooks.onStep("uploading");
    await putBytes(memory.ticket!, memory.blob, hooks.onProgress, signal);
    memory.uploaded = true;
  }
  hooks.onStep("processing");
  try {
    return await untilReady(await completeUpload(memory.ticket!.id, signal), signal);
  } catch (error) {
    // What the server does not take is sent anew on the next attempt.
    if (error instanceof ApiError && error.status === 422) {
      memory.uploaded = false;
      memory.ticket = undefined;
      memory.key = newKey();
    }
    throw error;
  }
}
