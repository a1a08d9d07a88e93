// Asks the Khronos glTF validator about one file after the other: a JSON line in, a JSON line out, until stdin ends.
//
// `node conformance.mjs PACKAGES EXCHANGE`; a line is
// `{"id": "7", "folder": "ab12", "main": "0", "format": "glb", "files": {"a.bin": "1"}, "most": 268435456, "issues": 200}`
// and `folder`, below EXCHANGE, holds numbered files. What is compressed is looked at twice: as it came, and unpacked.

import { createInterface } from "node:readline";
import { join } from "node:path";

import { Malformed, TooLarge, bytesOf, library, list, opened } from "./container.mjs";
import { DRACO, MESHOPT, asGlb, asPlainGlb, packagesIn, used, withoutMeshopt } from "./unpack.mjs";

const FOLDER = /^[0-9a-z]{1,40}$/;
const UNSUPPORTED = "UNSUPPORTED_EXTENSION";
const TEXT = 300; // characters of a message: it may quote names from the file
const packages = packagesIn(process.argv[2]);
const exchange = process.argv[3];
const validator = packages("gltf-validator");

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  process.stdout.write(`${JSON.stringify({ id: order.id, by: `gltf-validator ${validator.version()}`, ...(await answer(order)) })}\n`);
}

async function answer({ folder, main, format, files, most, issues }) {
  if (!FOLDER.test(folder)) throw new Error("a folder is not ours");
  const place = join(exchange, folder);
  const find = library(place, files, { loose: false });
  const bytes = bytesOf(place, main);
  const before = await validated(bytes, { format, find, issues });
  if (before.unreadable) return { before };
  const undone = before.extensions.filter((name) => name === DRACO || MESHOPT.includes(name));
  if (!undone.length) return { before };
  try {
    const loose = library(place, files, { loose: true });
    const unpacked = await withoutMeshopt(opened(bytes, format, loose), { packages, most });
    const made = undone.includes(DRACO) ? await asPlainGlb(unpacked, { packages, floats: false, most }) : asGlb(unpacked);
    return { before, undone, after: await validated(made, { format: "glb", find, issues }) };
  } catch (error) {
    const large = error instanceof TooLarge || error instanceof RangeError;
    return { before, undone, failed: large ? "too large" : "malformed" };
  }
}

/** What the validator says; its own exceptions, which it throws over bytes that are no glTF at all, become one error. */
async function validated(bytes, { format, find, issues }) {
  const resource = async (uri) => {
    const found = find(uri);
    if (found === null) throw new Error("not one of the files that were sent");
    return found;
  };
  try {
    const options = { format, maxIssues: issues, writeTimestamp: false, externalResourceFunction: resource };
    const { issues: said, info } = await validator.validateBytes(bytes, options);
    const extensions = info?.extensionsUsed ?? [];
    const unsupported = said.messages.filter((one) => one.code === UNSUPPORTED).map((one) => extensionAt(one.pointer, extensions));
    return {
      extensions,
      unsupported: unsupported.filter((name) => name !== undefined),
      truncated: said.truncated,
      messages: said.messages.map((one) => ({
        code: one.code,
        severity: one.severity,
        message: String(one.message).slice(0, TEXT),
        place: (one.pointer ?? (one.offset === undefined ? null : `byte ${one.offset}`))?.slice(0, TEXT) ?? null,
      })),
    };
  } catch {
    return { unreadable: true, extensions: [], unsupported: [], truncated: false, messages: [] };
  }
}

function extensionAt(pointer, extensions) {
  const index = /^\/extensionsUsed\/(\d+)$/.exec(pointer ?? "");
  return index ? extensions[Number(index[1])] : undefined;
}
