import { ApiError } from "../../api/problem";

const longestSidePx = 2048;
const keepAsIsBytes = 1_000_000;
const quality = 0.86;
const asIsTypes = new Set(["image/jpeg", "image/webp", "image/png"]);

function fitted(width: number, height: number, longest: number): [number, number] {
  const scale = Math.min(1, longest / Math.max(width, height));
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}

function encode(canvas: HTMLCanvasElement, type: string): Promise<Blob | null> {
  return new Promise((resolve) => canvas.toBlob(resolve, type, quality));
}

// WebP where the browser can write it (Safari cannot: it then gives a PNG), otherwise JPEG.
async function encodeBest(canvas: HTMLCanvasElement): Promise<Blob> {
  const webp = await encode(canvas, "image/webp");
  if (webp?.type === "image/webp") return webp;
  const jpeg = await encode(canvas, "image/jpeg");
  if (!jpeg) throw new ApiError(0, "resize_failed", "");
  return jpeg;
}

function paint(
  bitmap: ImageBitmap,
  x: number,
  y: number,
  side: [number, number],
  to: [number, number],
) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = to;
  const context = canvas.getContext("2d");
  if (!context) throw new ApiError(0, "resize_failed", "");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, x, y, side[0], side[1], 0, 0, to[0], to[1]);
  return canvas;
}

async function open(file: Blob): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new ApiError(0, "resize_failed", "");
  }
}

// At most 2048 px on the longer side; what is small already goes as it is.
export async function shrinkPicture(file: Blob): Promise<Blob> {
  const bitmap = await open(file);
  try {
    const { width, height } = bitmap;
    const small = Math.max(width, height) <= longestSidePx && file.size <= keepAsIsBytes;
    if (small && asIsTypes.has(file.type)) return file;
    return await encodeBest(
      paint(bitmap, 0, 0, [width, height], fitted(width, height, longestSidePx)),
    );
  } finally {
    bitmap.close();
  }
}

const avatarSidePx = 512;

// The middle square.
export async function cropAvatar(file: Blob): Promise<Blob> {
  const bitmap = await open(file);
  try {
    const side = Math.min(bitmap.width, bitmap.height);
    const to = Math.min(side, avatarSidePx);
    const x = (bitmap.width - side) / 2;
    const y = (bitmap.height - side) / 2;
    return await encodeBest(paint(bitmap, x, y, [side, side], [to, to]));
  } finally {
    bitmap.close();
  }
}
