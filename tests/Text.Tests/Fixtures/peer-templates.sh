#!/usr/bin/env bash
# Compares what our interpreter makes of the chat templates here with @huggingface/jinja, that of transformers.js, and lists where that
# differs from Jinja2. Needs npm and a built tests/Text.Tests. Nothing of what is installed is kept: peer-templates.sh [FOLDER]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-$(mktemp -d)}
[ $# -gt 0 ] || trap 'rm -rf "$folder"' EXIT
npm install --silent --no-save --no-audit --no-fund --prefix "$folder" @huggingface/jinja@0.5.11
cp "$here/make-peer-templates.mjs" "$folder"
mkdir -p "$folder/cases"
(cd "$folder" && node make-peer-templates.mjs "$here/templates/families.case.json" cases/families.case.json)
FTG_TEMPLATE_CASES="$folder/cases" dotnet test "$here/.." --no-build --filter Render_CasesOfTheEnvironment_EqualJinja
