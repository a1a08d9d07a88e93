// One glTF in, one plain GLB out: `node decode.mjs PACKAGES FOLDER ORDER OUT MOST`.
//
// FOLDER holds numbered files; ORDER is `{"main": "0", "format": "glb", "files": {"a.bin": "1"}}`; MOST bytes may come out.
// Exit codes: 3 where the file contradicts itself, 4 where it would be too large. The last line on stdout names the reader.

import { writeFileSync } from "node:fs";

import { Malformed, TooLarge, bytesOf, library, opened } from "./container.mjs";
import { asPlainGlb, packagesIn, withoutMeshopt } from "./unpack.mjs";

const [folder, ordered, out, limit] = process.argv.slice(3);
const packages = packagesIn(process.argv[2]);
const { main, format, files } = JSON.parse(ordered);
const most = Number(limit);

try {
  const find = library(folder, files, { loose: true });
  const unpacked = await withoutMeshopt(opened(bytesOf(folder, main), format, find), { packages, most });
  const made = await asPlainGlb(unpacked, { packages, floats: true, most });
  if (made.length > most) throw new TooLarge();
  writeFileSync(out, made);
  console.log(JSON.stringify({ reader: `gltf-transform ${packages("@gltf-transform/core").VERSION.replace(/^v/, "")}` }));
} catch (error) {
  // Whatever else a decoder throws over a broken block means the same; its words may quote the file.
  process.exitCode = error instanceof TooLarge || error instanceof RangeError ? 4 : 3;
  if (!(error instanceof Malformed || error instanceof TooLarge)) console.error(String(error?.stack ?? error).slice(0, 2000));
}
