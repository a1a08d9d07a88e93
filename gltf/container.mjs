// Opens a glTF that lies in a folder of its own: numbered files, and a list of which name each had.

import { readFileSync } from "node:fs";
import { join } from "node:path";

const MAGIC = 0x46546c67;
const JSON_CHUNK = 0x4e4f534a;
const BIN_CHUNK = 0x004e4942;
const NUMBERED = /^\d{1,5}$/; // what a file of the folder is called: never by a name that a stranger chose

/** The file contradicts itself: what it says of its own bytes is not so. */
export class Malformed extends Error {}

/** It would unpack to more than was asked for. */
export class TooLarge extends Error {}

/** The bytes of one file of the folder. */
export function bytesOf(folder, name) {
  if (!NUMBERED.test(name)) throw new Malformed("a file is not numbered");
  return new Uint8Array(readFileSync(join(folder, name)));
}

/**
 * Finds the bytes of a name that the model refers to, or null. Nothing but the listed files can be reached: names are
 * keys here and never paths. `loose`: upper and lower case are one, as our own reader has it; else as a viewer would.
 */
export function library(folder, files, { loose }) {
  const known = new Map(Object.entries(files).map(([name, file]) => [loose ? name.toLowerCase() : name, file]));
  return (uri) => {
    for (const name of [uri, unquoted(uri)]) {
      const key = inside(loose ? name.toLowerCase() : name);
      if (key !== null && known.has(key)) return bytesOf(folder, known.get(key));
    }
    return null;
  };
}

function inside(name) {
  const key = name.trim().replaceAll("\\", "/");
  if (key.startsWith("/") || key.includes(":") || key.includes("\0")) return null;
  const steps = key.split("/").filter((step) => step !== "" && step !== ".");
  return steps.includes("..") ? null : steps.join("/");
}

function unquoted(uri) {
  try {
    return decodeURIComponent(uri);
  } catch {
    return uri;
  }
}

/** The document and its buffers (null: one that only stands for what is compressed); `find` as made by `library`. */
export function opened(bytes, format, find) {
  const { json, chunk } = format === "glb" ? glbParts(bytes) : { json: parsed(bytes), chunk: null };
  const buffers = list(json, "buffers").map((buffer, index) => bufferOf(buffer, index === 0 ? chunk : null, find));
  return { json, buffers, find };
}

/** The array under `key`, or an empty one. */
export function list(json, key) {
  const found = json[key] ?? [];
  if (!Array.isArray(found)) throw new Malformed(`${key} is no list`);
  return found;
}

/** So many bytes of a buffer, none of them made up. */
export function range(buffer, offset, length) {
  const whole = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (!whole || !buffer || offset + length > buffer.length) throw new Malformed("a view is longer than its buffer");
  return buffer.subarray(offset, offset + length);
}

/** Document and buffer as the bytes of a GLB. */
export function glb(json, bin) {
  const text = new TextEncoder().encode(JSON.stringify(json));
  const padded = (size) => (size + 3) & ~3;
  const made = new Uint8Array(12 + 8 + padded(text.length) + (bin.length ? 8 + padded(bin.length) : 0));
  const view = new DataView(made.buffer);
  const numbers = (at, ...found) => found.forEach((number, index) => view.setUint32(at + 4 * index, number, true));
  numbers(0, MAGIC, 2, made.length, padded(text.length), JSON_CHUNK);
  made.fill(0x20, 20, 20 + padded(text.length));
  made.set(text, 20);
  if (bin.length) {
    const at = 20 + padded(text.length);
    numbers(at, padded(bin.length), BIN_CHUNK);
    made.set(bin, at + 8);
  }
  return made;
}

function glbParts(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 20 || view.getUint32(0, true) !== MAGIC) throw new Malformed("no GLB header");
  const found = { json: null, chunk: null };
  for (let at = 12; at + 8 <= bytes.length; ) {
    const content = range(bytes, at + 8, view.getUint32(at, true));
    const type = view.getUint32(at + 4, true);
    if (found.json === null) {
      if (type !== JSON_CHUNK) throw new Malformed("the JSON chunk does not come first");
      found.json = parsed(content);
    } else if (type === BIN_CHUNK) found.chunk ??= content;
    at += 8 + content.length;
  }
  if (found.json === null) throw new Malformed("no JSON chunk");
  return found;
}

function parsed(bytes) {
  let json = null;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes).replace(/[\0 ]+$/, ""));
  } catch {
    throw new Malformed("the JSON can not be read");
  }
  if (json === null || typeof json !== "object" || Array.isArray(json)) throw new Malformed("the JSON is no object");
  return json;
}

function bufferOf({ uri }, chunk, find) {
  if (uri === undefined) return chunk;
  const text = /^data:[^,]*;base64,/.exec(uri);
  if (text) return new Uint8Array(Buffer.from(uri.slice(text[0].length), "base64"));
  const found = find(uri);
  if (found === null) throw new Malformed("a buffer is not here");
  return found;
}
