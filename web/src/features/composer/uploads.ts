import { asApiError, type ApiError } from "../../api/problem";
import { isAbort } from "../../app/failures";
import { Store } from "../../app/store";
import { newUpload, uploadPicture, type UploadMemory, type UploadStep } from "./upload";

export const mostPictures = 10;
const atOnce = 3;

export interface Upload {
  key: string;
  name: string;
  preview: string;
  state: "queued" | UploadStep | "ready" | "failed";
  progress: number;
  mediaId?: number;
  error?: ApiError;
}

interface Work {
  file: File;
  memory: UploadMemory;
  abort: AbortController;
}

let nextKey = 1;

// The composer's pictures in their order: at most ten, three on their way at once, each with its
// own progress, cancel and retry.
export class Uploads {
  readonly items = new Store<Upload[]>([]);
  private work = new Map<string, Work>();
  private running = 0;
  private waiting = new Set<() => void>();

  // Takes what fits; says what it could not take.
  add(files: Iterable<File>): { tooMany: boolean; notPictures: string[] } {
    const notPictures: string[] = [];
    let tooMany = false;
    for (const file of files) {
      if (!file.type.startsWith("image/")) notPictures.push(file.name);
      else if (this.items.get().length >= mostPictures) tooMany = true;
      else this.addOne(file);
    }
    this.startMore();
    return { tooMany, notPictures };
  }

  remove(key: string): void {
    const item = this.items.get().find((one) => one.key === key);
    if (!item) return;
    this.work.get(key)?.abort.abort();
    this.work.delete(key);
    URL.revokeObjectURL(item.preview);
    this.items.set(this.items.get().filter((one) => one.key !== key));
    this.tellWaiting();
  }

  retry(key: string): void {
    const work = this.work.get(key);
    if (!work) return;
    work.abort = new AbortController();
    this.change(key, { state: "queued", progress: 0, error: undefined });
    this.startMore();
  }

  move(key: string, to: number): void {
    const items = [...this.items.get()];
    const from = items.findIndex((one) => one.key === key);
    if (from < 0 || to < 0 || to >= items.length) return;
    items.splice(to, 0, ...items.splice(from, 1));
    this.items.set(items);
  }

  clear(): void {
    for (const item of this.items.get()) this.remove(item.key);
  }

  // Resolves when nothing is on its way any more; the caller then looks for failures.
  async settled(): Promise<void> {
    while (this.items.get().some((one) => one.state !== "ready" && one.state !== "failed")) {
      await new Promise<void>((resolve) => this.waiting.add(resolve));
    }
  }

  private addOne(file: File): void {
    const key = String(nextKey++);
    this.work.set(key, { file, memory: newUpload(), abort: new AbortController() });
    const item: Upload = {
      key,
      name: file.name,
      preview: URL.createObjectURL(file),
      state: "queued",
      progress: 0,
    };
    this.items.set([...this.items.get(), item]);
  }

  private startMore(): void {
    while (this.running < atOnce) {
      const next = this.items.get().find((one) => one.state === "queued");
      if (!next) return;
      void this.run(next.key);
    }
  }

  private async run(key: string): Promise<void> {
    const { file, memory, abort } = this.work.get(key)!;
    this.running += 1;
    this.change(key, { state: "preparing" });
    try {
      const media = await uploadPicture(file, "post", memory, {
        onStep: (state) => this.change(key, { state }),
        onProgress: (progress) => this.change(key, { progress }),
        signal: abort.signal,
      });
      this.change(key, { state: "ready", progress: 1, mediaId: media.id });
    } catch (error) {
      if (!isAbort(error)) this.change(key, { state: "failed", error: asApiError(error) });
    } finally {
      this.running -= 1;
      this.startMore();
      this.tellWaiting();
    }
  }

  private change(key: string, change: Partial<Upload>): void {
    const items = this.items.get();
    if (!items.some((one) => one.key === key)) return;
    this.items.set(items.map((one) => (one.key === key ? { ...one, ...change } : one)));
  }

  private tellWaiting(): void {
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const resolve of waiting) resolve();
  }
}
