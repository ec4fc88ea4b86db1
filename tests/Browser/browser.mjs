// Runs one scenario in Chromium and prints its report as one line of JSON.
// Arguments: the folder with node_modules, and {scenario, address, key, screenshots, ...} as JSON.
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { audit, keyboard, withoutScripts } from './reading.mjs';
import { walk } from './walk.mjs';

const require = createRequire(process.argv[2] + '/');
const puppeteer = require('puppeteer-core');
const axe = require('axe-core').source;
const order = JSON.parse(process.argv[3]);
mkdirSync(order.screenshots, { recursive: true });

const browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox', '--disable-dev-shm-usage'] });
try {
  const report = await { audit, keyboard, withoutScripts, walk }[order.scenario](browser, order, axe);
  console.log(JSON.stringify(report));
} finally {
  await browser.close();
}
