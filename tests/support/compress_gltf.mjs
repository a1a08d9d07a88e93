// Compresses a GLB of ours for the tests: `node compress_gltf.mjs PACKAGES IN OUT WAY`, WAY as in `WAYS` below.

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [folder, source, target, way] = process.argv.slice(2);
const packages = createRequire(join(folder, "package.json"));
const { WebIO } = packages("@gltf-transform/core");
const { ALL_EXTENSIONS, EXTMeshoptCompression, KHRDracoMeshCompression, KHRMeshQuantization } =
  packages("@gltf-transform/extensions");

/** Positions as whole numbers of 16 bits, with the node's scale and place making up for it: exact where they lie on that grid. */
function quantize(document, { normalized }) {
  document.createExtension(KHRMeshQuantization).setRequired(true);
  const steps = normalized ? 65535 : 1024; // for each meter
  for (const mesh of document.getRoot().listMeshes()) {
    for (const primitive of mesh.listPrimitives()) {
      const positions = primitive.getAttribute("POSITION");
      positions.setArray(Uint16Array.from(positions.getArray(), (value) => Math.round(value * steps)));
      positions.setNormalized(normalized);
    }
  }
  if (normalized) return;
  for (const node of document.getRoot().listNodes()) if (node.getMesh()) node.setScale([1 / steps, 1 / steps, 1 / steps]);
}

function meshopt(document) {
  document.createExtension(EXTMeshoptCompression).setRequired(true);
}

const WAYS = {
  meshopt,
  "meshopt-khr": meshopt,
  "meshopt-quantized": (document) => {
    quantize(document, { normalized: false });
    meshopt(document);
  },
  quantized: (document) => quantize(document, { normalized: false }),
  normalized: (document) => quantize(document, { normalized: true }),
  draco: (document) => {
    const bits = { POSITION: 16 };
    document.createExtension(KHRDracoMeshCompression).setRequired(true).setEncoderOptions({ quantizationBits: bits });
  },
};

const { MeshoptEncoder, MeshoptDecoder } = await import(packages.resolve("meshoptimizer"));
await MeshoptEncoder.ready;
const io = new WebIO().registerExtensions(ALL_EXTENSIONS).registerDependencies({
  "meshopt.encoder": MeshoptEncoder,
  "meshopt.decoder": MeshoptDecoder,
  "draco3d.encoder": await packages("draco3dgltf").createEncoderModule(),
});
const document = await io.readBinary(new Uint8Array(readFileSync(source)));
WAYS[way](document);
const made = Buffer.from(await io.writeBinary(document));
// The two extensions have one form.
const text = way === "meshopt-khr" ? made.toString("latin1").replaceAll("EXT_meshopt", "KHR_meshopt") : made.toString("latin1");
writeFileSync(target, Buffer.from(text, "latin1"));
