// Renders the cases of make-templates.py with @huggingface/jinja, the interpreter of transformers.js:
//   node make-peer-templates.mjs families.case.json OUT
// Where it says the same as Jinja2, or where both refuse, the case is written; what it says otherwise is listed, since models are
// trained with Jinja2.
import { readFileSync, writeFileSync } from "node:fs";
import { Template } from "@huggingface/jinja";

// strftime_now must not depend on the day.
const fixed = new Date(2024, 6, 26).getTime();
globalThis.Date = class extends Date {
  constructor(...given) { super(...(given.length ? given : [fixed])); }
};

const [input, output] = process.argv.slice(2);

function render(source, variables) {
  try {
    return { expected: new Template(source).render(variables) };
  } catch (problem) {
    return { error: String(problem.message ?? problem) };
  }
}

let same = 0;
const apart = [];
const groups = JSON.parse(readFileSync(input, "utf8")).map(({ template, cases }, number) => ({
  template,
  cases: cases.flatMap((item, at) => {
    const peer = render(template, item.variables);
    if (peer.expected === item.expected) {
      same++;
      return [{ variables: item.variables, ...peer }];
    }
    apart.push({ number, at, jinja2: item.expected ?? `error ${item.error}`, peer: peer.expected ?? `error ${peer.error}` });
    return [];
  }),
}));
writeFileSync(output, JSON.stringify(groups));
console.log(`${same} the same as Jinja2, ${apart.length} otherwise`);
for (const item of apart) console.log(`template ${item.number}, case ${item.at}:\n  Jinja2 ${JSON.stringify(item.jinja2)}\n  peer   ${JSON.stringify(item.peer)}`);
