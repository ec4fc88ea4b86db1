// Calls one method of the official OpenAI client and prints its result as one line of JSON.
// Arguments: the folder with node_modules, and {call, args, options} as JSON: call is the method's path, such as "files.create";
// {"$file": path, "name"?: name} among the arguments stands for a file on this machine; options are those of the client.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { createRequire } from "node:module";

const { default: OpenAI, toFile } = createRequire(process.argv[2] + "/")("openai");
const { call, args = [], options = {} } = JSON.parse(process.argv[3]);
const client = new OpenAI(options);

async function revive(value) {
  if (Array.isArray(value)) return Promise.all(value.map(revive));
  if (value === null || typeof value !== "object") return value;
  if (value.$file) return value.name ? toFile(createReadStream(value.$file), value.name) : createReadStream(value.$file);
  return Object.fromEntries(await Promise.all(Object.entries(value).map(async ([k, v]) => [k, await revive(v)])));
}

async function plain(result) {
  if (result instanceof Response) {
    const bytes = Buffer.from(await result.arrayBuffer());
    return { status: result.status, size: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex"), text: bytes.length < 65536 ? bytes.toString() : null };
  }
  if (result && typeof result[Symbol.asyncIterator] === "function") {
    const items = [];
    for await (const item of result) items.push(item);
    return items;
  }
  return result ?? null;
}

try {
  const path = call.split(".");
  const method = path.pop();
  const owner = path.reduce((o, name) => o[name], client);
  console.log(JSON.stringify({ result: await plain(await owner[method](...(await revive(args)))) }));
} catch (e) {
  console.log(JSON.stringify({ error: { kind: e.constructor.name, message: e.message, status: e.status ?? null, type: e.type ?? null, param: e.param ?? null, code: e.code ?? null } }));
}
