// Small pictures made on the spot, each another one.
import { crc32 as zlibCrc, deflateSync } from "node:zlib";

function crc32(bytes) {
  if (zlibCrc) return zlibCrc(bytes); // since Node 20.15
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; ++bit) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  }
  return ~crc >>> 0;
}

function chunk(type, data) {
  const bytes = Buffer.alloc(12 + data.length);
  bytes.writeUInt32BE(data.length, 0);
  bytes.write(type, 4, "latin1");
  data.copy(bytes, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length);
  return bytes;
}

// An 8-bit RGB PNG: bands whose colours come from `number`.
export function png(width, height, number = 0) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const row = 1 + width * 3;
  const pixels = Buffer.alloc(row * height);
  for (let y = 0; y < height; ++y)
    for (let x = 0; x < width; ++x)
      pixels.set(
        [(number * 37 + y) & 255, (number * 101 + x) & 255, (number >> 3) & 255],
        y * row + 1 + x * 3,
      );
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(pixels)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}
