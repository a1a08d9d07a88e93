// Undoes what compresses a glTF: meshopt block by block, keeping all else as it is; Draco and quantization by glTF-Transform.

import { createRequire } from "node:module";
import { join } from "node:path";

import { Malformed, TooLarge, glb, list, range } from "./container.mjs";

export const DRACO = "KHR_draco_mesh_compression";
export const MESHOPT = ["EXT_meshopt_compression", "KHR_meshopt_compression"];
export const QUANTIZED = "KHR_mesh_quantization";
const FILTERS = new Set(["NONE", "OCTAHEDRAL", "QUATERNION", "EXPONENTIAL", "COLOR"]);
const OWN_BUFFER = "@glb.bin"; // as glTF-Transform calls the buffer of a GLB
const FLOATS = /^(POSITION|NORMAL|TANGENT|TEXCOORD_\d+)$/; // attributes that readers expect as floating point numbers
const PICTURES = [
  ["image/png", [0x89, 0x50, 0x4e, 0x47]],
  ["image/jpeg", [0xff, 0xd8, 0xff]],
  ["image/webp", [0x52, 0x49, 0x46, 0x46]],
  ["image/ktx2", [0xab, 0x4b, 0x54, 0x58]],
];

/** Which packages there are: a folder that holds `node_modules`. */
export function packagesIn(folder) {
  return createRequire(join(folder, "package.json"));
}

/** Names of the extensions that the document uses, as far as it says so. */
export function used(json) {
  return [...new Set([...list(json, "extensionsUsed"), ...list(json, "extensionsRequired")])];
}

/**
 * The document with its views in one buffer, meshopt undone: `{ json, bin, find }`.
 *
 * Accessors, and what they say of their bytes, stay as they are, so that they can be checked against the bytes.
 */
export async function withoutMeshopt({ json, buffers, find }, { packages, most }) {
  const views = list(json, "bufferViews");
  const decoder = views.some(blockOf) ? packages("meshoptimizer/decoder.cjs") : null;
  await decoder?.ready;
  const parts = new Parts(most);
  const placed = views.map((view) => {
    const block = blockOf(view);
    if (!block) return parts.once(view.buffer, range(buffers[view.buffer], view.byteOffset ?? 0, view.byteLength));
    const size = block.count * block.byteStride;
    if (size !== view.byteLength) throw new Malformed("a block does not unpack to its view");
    if (!FILTERS.has(block.filter ?? "NONE")) throw new Malformed("a filter is not known"); // the decoder would skip it
    const packed = range(buffers[block.buffer], block.byteOffset ?? 0, block.byteLength);
    parts.weigh(size);
    const target = new Uint8Array(size);
    decoder.decodeGltfBuffer(target, block.count, block.byteStride, packed, block.mode, block.filter ?? "NONE");
    return parts.add(target);
  });
  const plain = {
    ...json,
    bufferViews: views.map((view, index) => ({ ...withoutBlock(view), buffer: 0, byteOffset: placed[index] })),
    buffers: [{ byteLength: Math.max(1, parts.size) }],
  };
  forget(plain, MESHOPT);
  if (!views.length) delete plain.bufferViews, delete plain.buffers;
  return { json: plain, bin: parts.joined(), find };
}

/** The same as a GLB; pictures beside it stay there. */
export function asGlb({ json, bin }) {
  return glb(json, bin);
}

/** A GLB without Draco and, where asked for, without quantization; pictures come inside as far as they are here. */
export async function asPlainGlb({ json, bin, find }, { packages, floats, most }) {
  const { WebIO } = packages("@gltf-transform/core");
  const { ALL_EXTENSIONS } = packages("@gltf-transform/extensions");
  const io = new WebIO().registerExtensions(ALL_EXTENSIONS.filter((one) => !MESHOPT.includes(one.EXTENSION_NAME)));
  if (used(json).includes(DRACO)) {
    io.registerDependencies({ "draco3d.decoder": await packages("draco3dgltf").createDecoderModule() });
  }
  const images = list(json, "images").map((image) => pictureOf(image, find));
  const resources = Object.fromEntries(images.filter((one) => one.bytes).map((one) => [one.image.uri, one.bytes]));
  const document = await io.readJSON({
    json: { ...json, images: images.map((one) => one.image) },
    resources: { ...resources, [OWN_BUFFER]: bin },
  });
  const root = document.getRoot();
  const undone = [DRACO, ...(floats ? [QUANTIZED] : [])];
  for (const extension of root.listExtensionsUsed()) if (undone.includes(extension.extensionName)) extension.dispose();
  if (floats) for (const accessor of geometry(root)) asFloats(accessor);
  const [first, ...others] = root.listBuffers();
  const buffer = first ?? document.createBuffer();
  for (const accessor of root.listAccessors()) accessor.setBuffer(buffer);
  for (const other of others) other.dispose();
  const weight = root.listAccessors().reduce((sum, one) => sum + (one.getArray()?.byteLength ?? 0), 0);
  if (weight > most) throw new TooLarge();
  return io.writeBinary(document);
}

/** Bytes one after the other, each part at a multiple of four. */
class Parts {
  constructor(most) {
    this.most = most;
    this.size = 0;
    this.parts = [];
    this.known = new Map();
  }

  weigh(more) {
    if (!(this.size + more <= this.most)) throw new TooLarge();
  }

  add(bytes) {
    this.weigh(bytes.length);
    const at = this.size;
    this.parts.push([at, bytes]);
    this.size = (at + bytes.length + 3) & ~3;
    return at;
  }

  /** Views of the same bytes share them, as they did. */
  once(buffer, bytes) {
    const key = `${buffer} ${bytes.byteOffset} ${bytes.length}`;
    if (!this.known.has(key)) this.known.set(key, this.add(bytes));
    return this.known.get(key);
  }

  joined() {
    const made = new Uint8Array(this.size);
    for (const [at, bytes] of this.parts) made.set(bytes, at);
    return made;
  }
}

function blockOf(view) {
  return MESHOPT.map((name) => view.extensions?.[name]).find((block) => block !== undefined);
}

function withoutBlock(view) {
  const kept = Object.entries(view.extensions ?? {}).filter(([name]) => !MESHOPT.includes(name));
  const { extensions, ...plain } = view;
  return kept.length ? { ...plain, extensions: Object.fromEntries(kept) } : plain;
}

function forget(json, names) {
  for (const key of ["extensionsUsed", "extensionsRequired"]) {
    if (!json[key]) continue;
    json[key] = json[key].filter((name) => !names.includes(name));
    if (!json[key].length) delete json[key];
  }
}

function pictureOf(image, find) {
  if (image.uri === undefined || image.uri.startsWith("data:")) return { image, bytes: null };
  const bytes = find(image.uri);
  const known = bytes && PICTURES.find(([, magic]) => magic.every((byte, index) => bytes[index] === byte));
  return { image: known ? { ...image, mimeType: known[0] } : image, bytes };
}

function geometry(root) {
  const found = new Set();
  for (const mesh of root.listMeshes()) {
    for (const primitive of mesh.listPrimitives()) {
      for (const holder of [primitive, ...primitive.listTargets()]) {
        for (const name of holder.listSemantics()) if (FLOATS.test(name)) found.add(holder.getAttribute(name));
      }
    }
  }
  return found;
}

function asFloats(accessor) {
  const array = accessor.getArray();
  if (!array || array instanceof Float32Array) return;
  const width = accessor.getElementSize();
  const made = new Float32Array(array.length);
  const element = [];
  for (let index = 0; index < accessor.getCount(); index += 1) {
    made.set(accessor.getElement(index, element).slice(0, width), index * width);
  }
  accessor.setArray(made).setNormalized(false);
}
