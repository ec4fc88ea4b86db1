// Makes tokenizers/*.json: small tokenizer.json files of every supported shape and what Hugging Face's own tokenizers library
// (the Rust one, through its Node binding) computes with them. Run in this folder after `npm i @anush008/tokenizers@0.6.0`:
//   node make-tokenizers.mjs                          writes tokenizers/
//   node make-tokenizers.mjs OUT a/tokenizer.json ..  writes OUT/NAME.json for tokenizers you have (to check by hand; see README.md)
import fs from 'node:fs';
import path from 'node:path';
import pkg from '@anush008/tokenizers';

let state = 12345n;
const random = n => { state = (state * 6364136223846793005n + 1442695040888963407n) & ((1n << 64n) - 1n); return Number((state >> 33n) % BigInt(n)); };
const pick = list => list[random(list.length)];

// ---- a corpus to train on -------------------------------------------------------------------------------------------------
const nouns = 'river mountain teacher engine garden winter letter window island signal harbor planet copper violin station lantern'.split(' ');
const verbs = 'carries watches builds follows measures repairs answers paints remembers crosses returns collects'.split(' ');
const more = ['größer als früher', 'déjà vu à l’été', 'mañana por la mañana', 'река течёт медленно', '今天天气很好', '日本語のテスト', '안녕하세요 세계', 'γειά σου κόσμε', "don't we'll they're I'd it's",
  'x = [1, 2, 3]; return x[0] + 42', 'for (i = 0; i < 100; i++) { sum += a[i]; }', '2024-05-17 12:30:59', 'price: $1,234.56 (-7%)', '<b>bold</b> & "quoted"', '\tindent\n\n    four spaces\n', '🙂👍🏽🚀'];
const lines = [];
for (let i = 0; i < 900; i++) lines.push(random(3) ? `The ${pick(nouns)} ${pick(verbs)} the ${pick(nouns)}, and ${random(2000)} ${pick(nouns)}s wait.` : pick(more));
const corpus = lines.join('\n');

// ---- byte-pair training ---------------------------------------------------------------------------------------------------
const byteChars = (() => { const out = []; let next = 256; for (let b = 0; b < 256; b++) out.push(String.fromCodePoint((b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174 ? b : next++)); return out; })();
const spell = text => [...Buffer.from(text)].map(b => byteChars[b]).join('');
function train(words, initial, merges) {
  const vocab = [...initial], have = new Set(vocab), rules = [];
  const table = [...words.entries()].map(([w, n]) => [[...w], n]);
  for (const [w] of table) for (const s of w) if (!have.has(s)) { have.add(s); vocab.push(s); }
  while (rules.length < merges) {
    const counts = new Map();
    for (const [w, n] of table) for (let i = 0; i + 1 < w.length; i++) { const k = w[i] + '\u0000' + w[i + 1]; counts.set(k, (counts.get(k) ?? 0) + n); }
    let best = null;
    for (const [k, n] of counts) if (!best || n > best[1] || (n === best[1] && k < best[0])) best = [k, n];
    if (!best || best[1] < 2) break;
    const [a, b] = best[0].split('\u0000');
    rules.push([a, b]);
    if (!have.has(a + b)) { have.add(a + b); vocab.push(a + b); }
    for (const item of table) { const w = item[0]; for (let i = 0; i + 1 < w.length; i++) if (w[i] === a && w[i + 1] === b) w.splice(i, 2, a + b); }
  }
  return { vocab, rules };
}
const count = list => { const m = new Map(); for (const x of list) m.set(x, (m.get(x) ?? 0) + 1); return m; };
const gpt2Words = corpus.match(/'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu);
const bytes = train(count(gpt2Words.map(spell)), byteChars, 500);
const marked = train(count(corpus.replaceAll(' ', '▁').match(/▁*[^▁\n]+|\n+/gu)), ['<unk>', '<s>', '</s>', ...Array.from({ length: 256 }, (_, b) => `<0x${b.toString(16).toUpperCase().padStart(2, '0')}>`)], 500);
const plain = train(count(corpus.toLowerCase().match(/[a-z]+|[^\sa-z]/gu)), ['[UNK]'], 300);

// ---- shapes ---------------------------------------------------------------------------------------------------------------
const ids = vocab => Object.fromEntries(vocab.map((t, i) => [t, i]));
const special = (id, content, more = {}) => ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true, ...more });
const bpe = (trained, options = {}, pairs = false) => ({ type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: false, byte_fallback: false, ignore_merges: false, ...options,
  vocab: ids(trained.vocab), merges: pairs ? trained.rules : trained.rules.map(r => r.join(' ')) });
const byteLevel = (more = {}) => ({ type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true, ...more });
const split = (regex, behavior = 'Isolated', invert = false) => ({ type: 'Split', pattern: { Regex: regex }, behavior, invert });
const template = (before, after) => ({ type: 'TemplateProcessing', single: [...before.map(([t]) => ({ SpecialToken: { id: t, type_id: 0 } })), { Sequence: { id: 'A', type_id: 0 } }, ...after.map(([t]) => ({ SpecialToken: { id: t, type_id: 0 } }))], pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
  special_tokens: Object.fromEntries([...before, ...after].map(([t, id]) => [t, { id: t, ids: [id], tokens: [t] }])) });
const file = parts => ({ version: '1.0', truncation: null, padding: null, added_tokens: [], normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, ...parts });
const B = bytes.vocab.length, P = plain.vocab.length, M = marked.vocab.length;
const fallbackDecoder = (strip = true) => ({ type: 'Sequence', decoders: [{ type: 'Replace', pattern: { String: '▁' }, content: ' ' }, { type: 'ByteFallback' }, { type: 'Fuse' }, ...(strip ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : [])] });
const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const shapes = {
  'gpt2': file({ added_tokens: [special(B, '<|endoftext|>')], pre_tokenizer: byteLevel(), post_processor: byteLevel(), decoder: byteLevel(), model: bpe(bytes) }),
  'gpt2-prefix-space': file({ added_tokens: [special(B, '<s>'), special(B + 1, '</s>'), special(B + 2, '<mask>', { lstrip: true })], pre_tokenizer: byteLevel({ add_prefix_space: true }), post_processor: { type: 'RobertaProcessing', sep: ['</s>', B + 1], cls: ['<s>', B], trim_offsets: true, add_prefix_space: true }, decoder: byteLevel(), model: bpe(bytes) }),
  'llama3': file({ added_tokens: [special(B, '<|begin_of_text|>'), special(B + 1, '<|eot_id|>'), special(B + 2, '<|start_header_id|>'), special(B + 3, '<|end_header_id|>')],
    pre_tokenizer: { type: 'Sequence', pretokenizers: [split(contractions + String.raw`|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`), byteLevel({ use_regex: false })] },
    post_processor: { type: 'Sequence', processors: [byteLevel(), template([['<|begin_of_text|>', B]], [])] }, decoder: byteLevel(), model: bpe(bytes, { ignore_merges: true }) }),
  'qwen2': file({ added_tokens: [special(B, '<|im_start|>'), special(B + 1, '<|im_end|>'), special(B + 2, '<think>', { special: false }), special(B + 3, '</think>', { special: false })], normalizer: { type: 'NFC' },
    pre_tokenizer: { type: 'Sequence', pretokenizers: [split(contractions + String.raw`|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`), byteLevel({ use_regex: false })] },
    post_processor: byteLevel({ use_regex: false }), decoder: byteLevel(), model: bpe(bytes, { continuing_subword_prefix: '', end_of_word_suffix: '' }, true) }),
  'o200k': file({ added_tokens: [special(B, '<|endoftext|>')],
    pre_tokenizer: { type: 'Sequence', pretokenizers: [split(String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`), byteLevel({ use_regex: false })] }, decoder: byteLevel(), model: bpe(bytes) }),
  'cl100k-possessive': file({ pre_tokenizer: { type: 'Sequence', pretokenizers: [split(contractions + String.raw`|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+`, 'Removed', true), byteLevel({ use_regex: false })] }, decoder: byteLevel(), model: bpe(bytes) }),
  'deepseek': file({ added_tokens: [special(B, '<｜begin▁of▁sentence｜>'), special(B + 1, '<｜User｜>', { normalized: true, special: false })], normalizer: { type: 'Sequence', normalizers: [] },
    pre_tokenizer: { type: 'Sequence', pretokenizers: [split(String.raw`\p{N}{1,3}`), split('[一-龥぀-ゟ゠-ヿ]+'), split(String.raw`[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_` + '`' + String.raw`{|}~][A-Za-z]+|[^` + '\r\n' + String.raw`\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[` + '\r\n' + String.raw`]*|\s*[` + '\r\n' + String.raw`]+|\s+(?!\S)|\s+`), byteLevel({ use_regex: false })] }, decoder: byteLevel(), model: bpe(bytes) }),
  'han-subtraction': file({ pre_tokenizer: { type: 'Sequence', pretokenizers: [split(String.raw`[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`), byteLevel({ use_regex: false })] }, decoder: byteLevel(), model: bpe(bytes) }),
  'llama2': file({ added_tokens: [special(0, '<unk>'), special(1, '<s>'), special(2, '</s>')], normalizer: { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, { type: 'Replace', pattern: { String: ' ' }, content: '▁' }] },
    post_processor: template([['<s>', 1]], []), decoder: fallbackDecoder(), model: bpe(marked, { unk_token: '<unk>', fuse_unk: true, byte_fallback: true }) }),
  'metaspace-first': file({ added_tokens: [special(1, '<s>'), special(2, '</s>'), special(M, '[INST]')], pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: false },
    post_processor: template([['<s>', 1]], [['</s>', 2]]), decoder: fallbackDecoder(), model: bpe(marked, { unk_token: '<unk>', fuse_unk: true, byte_fallback: true, ignore_merges: true }) }),
  'metaspace-split': file({ added_tokens: [special(1, '<s>')], pre_tokenizer: { type: 'Metaspace', replacement: '▁', add_prefix_space: true }, decoder: { type: 'Metaspace', replacement: '▁', add_prefix_space: true }, model: bpe(marked, { unk_token: '<unk>', fuse_unk: false }) }),
  'gemma': file({ added_tokens: [special(1, '<s>'), special(M, '<start_of_turn>')], normalizer: { type: 'Replace', pattern: { String: ' ' }, content: '▁' }, pre_tokenizer: { type: 'Split', pattern: { String: ' ' }, behavior: 'MergedWithPrevious', invert: false },
    post_processor: template([['<s>', 1]], []), decoder: fallbackDecoder(false), model: bpe(marked, { unk_token: '<unk>', fuse_unk: true, byte_fallback: true }, true) }),
  'digits-punctuation': file({ added_tokens: [special(0, '[UNK]'), special(P, '[SEP]', { lstrip: true, rstrip: true }), special(plain.vocab.includes('wait') ? plain.vocab.indexOf('wait') : P + 1, 'wait', { single_word: true, special: false }), special(plain.vocab.includes('wait') ? P + 1 : P + 2, 'The River', { normalized: true, special: false })],
    normalizer: { type: 'Sequence', normalizers: [{ type: 'NFD' }, { type: 'StripAccents' }, { type: 'Lowercase' }, { type: 'Strip', strip_left: true, strip_right: true }] },
    pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Whitespace' }, { type: 'Digits', individual_digits: true }, { type: 'Punctuation', behavior: 'Contiguous' }] }, decoder: { type: 'Fuse' }, model: bpe(plain, { unk_token: '[UNK]', fuse_unk: false }) }),
  'splits': file({ normalizer: { type: 'NFKC' }, pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'WhitespaceSplit' }, split('[aeiou]', 'MergedWithNext'), split('[,.;]', 'MergedWithPrevious'), { type: 'Digits', individual_digits: false }, { type: 'CharDelimiterSplit', delimiter: '-' }] }, decoder: null, model: bpe(plain, { unk_token: '[UNK]', fuse_unk: true }) }),
};

// ---- tricky strings -------------------------------------------------------------------------------------------------------
const fragments = [' ', '  ', '   \n', '\n\n', '\r\n', '\t', '\u00a0', '\u3000', '\u200b', '\u0085', 'a', 'The', ' river', "don't", "DON'T", "we'LL", '’s', '1', '12345', '3.14', '１２３', '²', 'Ⅷ', '½', '٣٤', '...', '!?', '--', '_', '$', '€', 'é', 'e\u0301', 'ﬁ', 'İ', 'ß', 'ſ', 'Ω', 'K', '한국', '\u1112\u1161\u11ab', '日本', '漢字かな', 'ア', '𠀀𠀁', '𝐀𝐛', '𝟙𝟚', '😀', '👨‍👩‍👧', '👍🏽', '🇩🇪', '\ufeff', '\ufffd', '\u0000', '\u001f', 'العربية', 'हिन्दी', 'ไทย', 'ѝ', '<s>', '</s>', '<|endoftext|>', '<|im_start|>', '<|eot_id|>', '<think>', '[SEP]', '[INST]', '<mask>', 'wait', 'waits', 'the river', '<0x0A>', '▁', '▁▁', 'Ġ', '<｜User｜>', '<unk>', '{', '}', '\\', '/', '"', "'"];
const strings = ['', ' ', 'Hello, world!', corpus.slice(0, 300), ...fragments, ...fragments.map(f => 'a' + f), ...fragments.map(f => f + ' b')];
while (strings.length < 420) strings.push(Array.from({ length: 2 + random(9) }, () => pick(fragments)).join(''));

async function expectations(json) {
  const t = pkg.Tokenizer.fromString(JSON.stringify(json));
  const cases = [];
  for (const text of strings) {
    const encoding = await t.encode(text, null, { addSpecialTokens: false });
    const full = await t.encode(text, null, { addSpecialTokens: true });
    const ids = encoding.getIds(), expected = { ids };
    if (full.getIds().length !== ids.length) expected.full = full.getIds();
    const decoded = await t.decode(ids, true);
    if (decoded !== text) expected.decoded = decoded;
    cases.push(expected);
  }
  return cases;
}
const save = (target, value) => fs.writeFileSync(target, JSON.stringify(value));
const [out = 'tokenizers', ...given] = process.argv.slice(2);
fs.mkdirSync(out, { recursive: true });
save(path.join(out, 'strings.json'), strings);
const all = given.length ? Object.fromEntries(given.map((f, i) => [`${i}-${path.basename(path.dirname(path.dirname(f)))}`, JSON.parse(fs.readFileSync(f))])) : shapes;
for (const [name, tokenizer] of Object.entries(all)) save(path.join(out, name + '.case.json'), { tokenizer, cases: await expectations(tokenizer) });
