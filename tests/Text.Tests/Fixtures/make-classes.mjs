// Makes classes.json: which of all code points Hugging Face's tokenizers library takes for what. Run in this folder after
// `npm i tokenizers@0.23.2`: node make-classes.mjs
import crypto from 'node:crypto';
import fs from 'node:fs';
import t from 'tokenizers';

// What Unicode 17 has added: the library's standard functions know it, .NET 10 (Unicode 16) does not.
const skipped = '88f c5c cdc 1acf-1add 1ae0-1aeb 20c1 2b96 a7ce-a7cf a7d2 a7d4 a7f1 fbc3-fbd2 fd90-fd91 fdc8-fdce 10940-10959 10ec5-10ec7 10ed0-10ed8 10efa-10efb 11b60-11b67 11db0-11ddb 11de0-11de9 16ea0-16eb8 16ebb-16ed3 16ff2-16ff6 187f8-187ff 18d09-18d1e 18d80-18df2 1ccfa-1ccfc 1ceba-1ced0 1cee0-1cef0 1e6c0-1e6de 1e6e0-1e6f5 1e6fe-1e6ff 1f6d8 1f777-1f77a 1f8d0-1f8d8 1fa54-1fa57 1fa8a 1fa8e 1fac8 1facd 1faea 1faef 1fbfa 2b73a-2b73f 2cea2-2cead 323b0-33479';
const newest = skipped.split(' ').map(range => range.split('-').map(c => parseInt(c, 16)));
const points = [];
for (let c = 1; c < 0x110000; c++) if ((c < 0xd800 || c > 0xdfff) && !newest.some(([a, b = a]) => c >= a && c <= b)) points.push(String.fromCodePoint(c));
const ranges = test => {
  const out = [];
  for (const s of points) {
    if (!test(s)) continue;
    const c = s.codePointAt(0), last = out[out.length - 1];
    if (last && last[1] === c - 1) last[1] = c; else out.push([c, c]);
  }
  return out.map(([a, b]) => (a === b ? a.toString(16) : a.toString(16) + '-' + b.toString(16))).join(' ');
};
const hash = normalizer => crypto.createHash('sha256').update(points.map(s => normalizer.normalizeString(s)).join('\n')).digest('hex');
const options = { cleanText: false, handleChineseChars: false, stripAccents: false, lowercase: false };
const splits = (pre, s) => pre.preTokenizeString('a' + s + 'a').length;
const [digits, punctuation, whitespace] = [t.digitsPreTokenizer(true), t.punctuationPreTokenizer(), t.whitespacePreTokenizer()];
fs.writeFileSync('classes.json', JSON.stringify({
  skipped,
  normalizers: Object.fromEntries(Object.entries({
    'BertNormalizer clean_text': t.bertNormalizer({ ...options, cleanText: true }),
    'BertNormalizer handle_chinese_chars': t.bertNormalizer({ ...options, handleChineseChars: true }),
    'BertNormalizer strip_accents': t.bertNormalizer({ ...options, stripAccents: true }),
    'BertNormalizer lowercase': t.bertNormalizer({ ...options, lowercase: true }),
    Lowercase: t.lowercase(), Nmt: t.nmt(), StripAccents: t.stripAccentsNormalizer(), NFC: t.nfcNormalizer(), NFD: t.nfdNormalizer(), NFKC: t.nfkcNormalizer(), NFKD: t.nfkdNormalizer(),
  }).map(([name, normalizer]) => [name, hash(normalizer)])),
  numeric: ranges(s => splits(digits, s) === 3),
  punctuation: ranges(s => splits(punctuation, s) === 3),
  word: ranges(s => splits(whitespace, s) === 1),
  space: ranges(s => splits(whitespace, s) === 2),
}, null, 1));
