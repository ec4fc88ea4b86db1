// Makes tokenizers/*.json: small tokenizer.json files of every supported shape and what Hugging Face's own tokenizers library
// (the Rust one, through its Node binding) computes with them. Run in this folder after `npm i tokenizers@0.23.2`:
//   node make-tokenizers.mjs                          writes tokenizers/
//   node make-tokenizers.mjs OUT a/tokenizer.json ..  writes OUT/NAME.json for tokenizers you have (to check by hand; see README.md)
import fs from 'node:fs';
import path from 'node:path';
import pkg from 'tokenizers';

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

// ---- unigram, word piece, word level ---------------------------------------------------------------------------------------
const wordCounts = [...count(corpus.toLowerCase().match(/\p{L}+|\p{N}|[^\s\p{L}\p{N}]/gu)).entries()].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
const wordVocab = ids(['[UNK]', '[CLS]', '[SEP]', '[PAD]', '[MASK]', ...wordCounts.slice(0, 120).map(w => w[0])]);
const stems = [...new Set(wordCounts.flatMap(([w]) => [...w].flatMap((c, i) => [[...w].slice(0, i + 1).join(''), c])))].filter((w, i) => [...w].length === 1 || i % 3 === 0).slice(0, 500);
const pieceVocab = ids([...new Set(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...stems, ...stems.filter((s, i) => [...s].length === 1 || i % 2).map(s => '##' + s), '##s', '##ing', '##er', '##'])]);
const byteNames = Array.from({ length: 256 }, (_, b) => `<0x${b.toString(16).toUpperCase().padStart(2, '0')}>`);
const unigramCounts = [...count(corpus.replaceAll(' ', '▁').match(/▁?[^▁\n]+/gu).flatMap(w => { const c = [...w], out = []; for (let i = 0; i < c.length; i++) for (let n = 1; n <= 6 && i + n <= c.length; n++) out.push(c.slice(i, i + n).join('')); return out; })).entries()]
  .filter(([w, n]) => n > ([...w].length === 1 ? 0 : 12)).sort((a, b) => b[1] * [...b[0]].length - a[1] * [...a[0]].length || (a[0] < b[0] ? -1 : 1)).slice(0, 700);
const total = unigramCounts.reduce((sum, [, n]) => sum + n, 0);
const unigramVocab = head => [...head.map(t => [t, 0]), ...unigramCounts.filter(([w]) => !head.includes(w)).map(([w, n]) => [w, Math.log(n / total)])];
const unigram = (head, unk, byte_fallback = false) => ({ type: 'Unigram', unk_id: unk, vocab: unigramVocab(head), byte_fallback });

// A character map as SentencePiece compiles it: a double-array trie over UTF-8 (first free base that fits), then the texts.
function charsmap(rules) {
  const root = { next: new Map() };
  const texts = [];
  let offset = 0;
  for (const [from, to] of rules) {
    let node = root;
    for (const b of Buffer.from(from)) { if (!node.next.has(b)) node.next.set(b, { next: new Map() }); node = node.next.get(b); }
    node.value = offset;
    const text = Buffer.concat([Buffer.from(to), Buffer.from([0])]);
    texts.push(text);
    offset += text.length;
  }
  const units = new Uint32Array(1 << 16), used = new Set([0]), bases = new Set();
  const place = (node, at) => {
    const labels = [...node.next.keys()];
    if (node.value !== undefined) labels.unshift(0);
    let base = at ^ 1;
    for (let o = 1; ; o++) { base = at ^ o; if (o < 1 << 21 && !bases.has(base) && labels.every(l => !used.has(base ^ l))) break; }
    bases.add(base);
    labels.forEach(l => used.add(base ^ l));
    units[at] |= (at ^ base) << 10;
    if (node.value !== undefined) { units[at] |= 0x100; units[base] = (0x80000000 | node.value) >>> 0; }
    for (const [l, child] of node.next) { units[base ^ l] = l; place(child, base ^ l); }
  };
  place(root, 0);
  const length = Math.max(...used) + 1, size = Buffer.alloc(4);
  size.writeUInt32LE(length * 4);
  return Buffer.concat([size, Buffer.from(units.buffer, 0, length * 4), ...texts]).toString('base64');
}
const map = charsmap([['\u00a0', ' '], ['\u3000', ' '], ['\t', ' '], ['\n', ' '], ['\u0000x', 'x'], ['\u200b', ''], ['ﬁ', 'fi'], ['½', '1⁄2'], ['１', '1'], ['２', '2'], ['３', '3'], ['²', '2'], ['Ⅷ', 'VIII'], ['K', 'K'], ['Ω', 'Ω'], ['e\u0301', 'é'], ['u\u0308', 'ü'], ['ア', 'ｱ'], ['\ufeff', ''], ['𝐀', 'A'], ['𝟙', '1'], ['İ', 'i'], ['…', '...'], ['a', 'a'], ['\u1112\u1161', '하']]);
const precompiled = { type: 'Precompiled', precompiled_charsmap: map };
const metaspace = (more = {}) => ({ type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true, ...more });
const bertTokens = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'].map((t, i) => special(i, t));
const bertNormalizer = (more = {}) => ({ type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true, ...more });
const wordPiece = (more = {}) => ({ type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 100, vocab: pieceVocab, ...more });
const both = (before, middle, after, type) => ({ ...template(before, after), pair: [...before.map(([t]) => ({ SpecialToken: { id: t, type_id: 0 } })), { Sequence: { id: 'A', type_id: 0 } }, ...middle.map(([t]) => ({ SpecialToken: { id: t, type_id: 0 } })), { Sequence: { id: 'B', type_id: type } }, ...after.map(([t]) => ({ SpecialToken: { id: t, type_id: type } }))] });
Object.assign(shapes, {
  'bert': file({ added_tokens: bertTokens, normalizer: bertNormalizer(), pre_tokenizer: { type: 'BertPreTokenizer' }, post_processor: both([['[CLS]', 2]], [['[SEP]', 3]], [['[SEP]', 3]], 1), decoder: { type: 'WordPiece', prefix: '##', cleanup: true }, model: wordPiece() }),
  'bert-cased': file({ added_tokens: bertTokens, normalizer: bertNormalizer({ lowercase: false, handle_chinese_chars: false, strip_accents: true }), pre_tokenizer: { type: 'BertPreTokenizer' }, post_processor: { type: 'BertProcessing', sep: ['[SEP]', 3], cls: ['[CLS]', 2] }, decoder: { type: 'WordPiece', prefix: '##', cleanup: false }, model: wordPiece({ max_input_chars_per_word: 6 }) }),
  'word-level': file({ added_tokens: [special(0, '[UNK]'), special(2, '[SEP]', { single_word: true, rstrip: true })], normalizer: { type: 'Sequence', normalizers: [{ type: 'Nmt' }, { type: 'Lowercase' }, { type: 'Replace', pattern: { Regex: '[0-9]+' }, content: '1' }] }, pre_tokenizer: { type: 'Whitespace' },
    post_processor: { type: 'Sequence', processors: [both([['[CLS]', 1]], [], [['[SEP]', 2]], 0)] }, decoder: { type: 'CTC', pad_token: '[PAD]', word_delimiter_token: '|', cleanup: true }, model: { type: 'WordLevel', vocab: wordVocab, unk_token: '[UNK]' } }),
  't5': file({ added_tokens: [special(0, '<pad>'), special(1, '</s>'), special(2, '<unk>')], normalizer: precompiled, pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'WhitespaceSplit' }, metaspace()] }, post_processor: both([], [['</s>', 1]], [['</s>', 1]], 0), decoder: metaspace(), model: unigram(['<pad>', '</s>', '<unk>'], 2) }),
  'unigram-bytes': file({ added_tokens: [special(0, '<unk>'), special(1, '<s>'), special(2, '</s>')], normalizer: { type: 'Sequence', normalizers: [{ type: 'Strip', strip_left: false, strip_right: true }, { type: 'Replace', pattern: { Regex: ' {2,}' }, content: '▁' }, { type: 'Prepend', prepend: '▁' }, { type: 'Replace', pattern: { String: ' ' }, content: '▁' }] },
    decoder: fallbackDecoder(), model: unigram(['<unk>', '<s>', '</s>', ...byteNames], 0, true) }),
  'falcon': file({ added_tokens: [special(B, '<|endoftext|>')], pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Punctuation', behavior: 'Contiguous' }, byteLevel(), { type: 'Digits', individual_digits: false }, split('[0-9][0-9][0-9]')] }, post_processor: byteLevel(), decoder: byteLevel(), model: bpe(bytes) }),
  'bloom': file({ added_tokens: [special(B, '<s>')], pre_tokenizer: { type: 'Sequence', pretokenizers: [split(String.raw` ?[^(\s|[.,!?…。，、।۔،])]+`), { type: 'Sequence', pretokenizers: [byteLevel({ use_regex: false })] }] }, post_processor: byteLevel(), decoder: byteLevel(), model: bpe(bytes) }),
  'byte-normalizer': file({ normalizer: { type: 'Sequence', normalizers: [{ type: 'NFKD' }, { type: 'ByteLevel' }] }, pre_tokenizer: { type: 'FixedLength', length: 7 }, decoder: { type: 'Sequence', decoders: [byteLevel(), { type: 'Strip', content: ' ', start: 2, stop: 0 }] }, model: bpe(bytes) }),
  'scripts': file({ pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'UnicodeScripts' }, { type: 'CharDelimiterSplit', delimiter: ' ' }] }, decoder: { type: 'Fuse' }, model: bpe(marked, { unk_token: '<unk>', byte_fallback: true }) }),
  'word-ends': file({ normalizer: bertNormalizer({ clean_text: false, strip_accents: false }), pre_tokenizer: { type: 'BertPreTokenizer' }, decoder: { type: 'BPEDecoder', suffix: '</w>' }, model: null }),
});
// The last symbol of a word carries its end: the corpus marks it by one character, the file by </w>.
{
  const words = count(corpus.toLowerCase().match(/[a-z]+|[^\sa-z]/gu)), table = [...words.entries()].map(([w, n]) => [[...w].map((c, i, all) => i === all.length - 1 ? c + '</w>' : c), n]);
  const vocab = ['[UNK]', ...new Set(table.flatMap(t => t[0]))], rules = [];
  while (rules.length < 200) {
    const pairs = new Map();
    for (const [w, n] of table) for (let i = 0; i + 1 < w.length; i++) { const k = w[i] + ' ' + w[i + 1]; pairs.set(k, (pairs.get(k) ?? 0) + n); }
    const [best] = [...pairs].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    if (!best) break;
    const [a, b] = best[0].split(' ');
    rules.push([a, b]);
    if (!vocab.includes(a + b)) vocab.push(a + b);
    for (const [w] of table) for (let i = 0; i + 1 < w.length; i++) if (w[i] === a && w[i + 1] === b) w.splice(i, 2, a + b);
  }
  shapes['word-ends'].model = bpe({ vocab, rules }, { unk_token: '[UNK]', end_of_word_suffix: '</w>' });
}

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
    if (json.post_processor && cases.length % 20 === 0) {
      const pair = await t.encode(text, 'The river waits', { addSpecialTokens: true });
      Object.assign(expected, { pair: pair.getIds(), types: pair.getTypeIds() });
    }
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
