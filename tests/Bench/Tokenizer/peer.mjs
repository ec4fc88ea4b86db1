// Hugging Face's Rust library beside ours: reads documents once, then for each line "go" encodes all of them and says what that cost.
// node peer.mjs PACKAGES tokenizer.json documents.json; the last line it says after "ids FILE" is where the ids lie.
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { createRequire } from 'node:module';

const [packages, file, documents] = process.argv.slice(2);
const { Tokenizer } = createRequire(path.join(path.resolve(packages), 'peer.js'))('tokenizers');
const tokenizer = Tokenizer.fromFile(file);
const texts = JSON.parse(fs.readFileSync(documents, 'utf8'));

async function encode() {
  const encodings = [];
  const wall = process.hrtime.bigint(), cpu = process.cpuUsage();
  for (const text of texts) encodings.push(await tokenizer.encode(text, null, { addSpecialTokens: false }));
  const used = process.cpuUsage(cpu), seconds = Number(process.hrtime.bigint() - wall) / 1e9;
  return { encodings, answer: { cpu_seconds: (used.user + used.system) / 1e6, seconds } };
}

console.log(JSON.stringify({ ready: texts.length }));
for await (const line of readline.createInterface({ input: process.stdin })) {
  const { encodings, answer } = await encode();
  if (line.startsWith('ids ')) fs.writeFileSync(line.slice(4), JSON.stringify(encodings.map(e => e.getIds())));
  console.log(JSON.stringify(answer));
}
