// Writes unicode-scripts.txt: the script of every code point as the UnicodeScripts pre-tokenizer of Hugging Face's library has it
// (spaces and what is unassigned there belong to every script; kana count as Han). Found by asking the library, with the scripts
// of Node's regular expressions as a first guess. Run in this folder after `npm i tokenizers@0.23.2`.
import fs from 'node:fs';
import tokenizers from 'tokenizers';

const names = 'Common Inherited Latin Greek Cyrillic Armenian Hebrew Arabic Syriac Thaana Nko Samaritan Mandaic Devanagari Bengali Gurmukhi Gujarati Oriya Tamil Telugu Kannada Malayalam Sinhala Thai Lao Tibetan Myanmar Georgian Hangul Ethiopic Cherokee Canadian_Aboriginal Ogham Runic Tagalog Hanunoo Buhid Tagbanwa Khmer Mongolian Limbu Tai_Le New_Tai_Lue Buginese Tai_Tham Balinese Sundanese Batak Lepcha Ol_Chiki Glagolitic Coptic Tifinagh Han Bopomofo Yi Lisu Vai Bamum Syloti_Nagri Phags_Pa Saurashtra Kayah_Li Rejang Javanese Cham Tai_Viet Meetei_Mayek Braille Linear_B Lycian Carian Old_Italic Gothic Old_Permic Ugaritic Old_Persian Deseret Shavian Osmanya Osage Elbasan Caucasian_Albanian Linear_A Cypriot Imperial_Aramaic Palmyrene Nabataean Hatran Phoenician Lydian Meroitic_Hieroglyphs Meroitic_Cursive Kharoshthi Old_South_Arabian Old_North_Arabian Manichaean Avestan Inscriptional_Parthian Inscriptional_Pahlavi Psalter_Pahlavi Old_Turkic Old_Hungarian Brahmi Kaithi Sora_Sompeng Chakma Mahajani Sharada Khojki Multani Khudawadi Grantha Newa Tirhuta Siddham Modi Takri Ahom Warang_Citi Pau_Cin_Hau Bhaiksuki Marchen Cuneiform Egyptian_Hieroglyphs Anatolian_Hieroglyphs Mro Bassa_Vah Pahawh_Hmong Miao Tangut Duployan SignWriting Mende_Kikakui Adlam'.split(' ');
const tests = names.map(name => new RegExp(`\\p{Script=${name}}`, 'u'));
const pre = tokenizers.Tokenizer.fromString(JSON.stringify({ version: '1.0', added_tokens: [], normalizer: null, pre_tokenizer: { type: 'UnicodeScripts' }, post_processor: null, decoder: null, model: { type: 'WordLevel', vocab: { a: 0 }, unk_token: 'a' } })).getPreTokenizer();
const pieces = text => pre.preTokenizeString(text).length;

// One letter of each script that the library tells apart from Latin.
const samples = [];
const ids = new Map();
const scriptOf = character => {
  const guess = tests.findIndex(t => t.test(character));
  if (pieces(character) === 0) return 0;
  if (guess >= 0 && ids.has(guess) && pieces(samples[ids.get(guess)] + character) === 1) return ids.get(guess) + 1;
  for (let i = 0; i < samples.length; i++) if (pieces(samples[i] + character) === 1) return i + 1;
  samples.push(character);
  if (guess >= 0 && !ids.has(guess)) ids.set(guess, samples.length - 1);
  return samples.length;
};
const ranges = [];
for (let c = 0; c < 0x110000; c++) {
  if (c >= 0xd800 && c <= 0xdfff) continue;
  const script = scriptOf(String.fromCodePoint(c)), last = ranges[ranges.length - 1];
  if (script === 0) continue;
  if (last && last[2] === script && (last[1] === c - 1 || (c === 0xe000 && last[1] === 0xd7ff))) last[1] = c; else ranges.push([c, c, script]);
}
fs.writeFileSync('unicode-scripts.txt', ranges.map(([a, b, s]) => `${a.toString(16)}-${b.toString(16)} ${s}`).join('\n') + '\n');
console.log(samples.length, ranges.length);
