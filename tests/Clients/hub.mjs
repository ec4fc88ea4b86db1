// Calls one function of @huggingface/hub and prints its result as one line of JSON.
// Arguments: the folder with node_modules, and {call, params, pageSize?, files?} as JSON.
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

console.debug = () => {}; // The client reports progress there; standard output is for the result.
const hub = createRequire(process.argv[2] + "/")("@huggingface/hub");
const { call, params, pageSize, files } = JSON.parse(process.argv[3]);

// The client asks for no page size; a small one shows that it follows the links.
if (pageSize) {
  params.fetch = (url, init) => {
    const address = new URL(url);
    if (address.pathname.includes("/tree/") && !address.searchParams.has("limit")) address.searchParams.set("limit", pageSize);
    return fetch(address, init);
  };
}
if (files) params.files = files.map((f) => ({ path: f.path, content: pathToFileURL(f.file) }));

async function plain(result) {
  if (result && typeof result[Symbol.asyncIterator] === "function") {
    const items = [];
    for await (const item of result) items.push(item);
    return items;
  }
  if (result instanceof Blob) {
    const bytes = Buffer.from(await result.arrayBuffer());
    return { size: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  }
  return result ?? null;
}

try {
  console.log(JSON.stringify({ result: await plain(await hub[call](params)) }));
} catch (e) {
  console.log(JSON.stringify({ error: { message: e.message, status: e.statusCode ?? null } }));
}
