// Scenarios that look at pages and change nothing.
import { look, openPage } from './session.mjs';

/** Every page in both schemes: what went wrong on it, barriers that axe finds, and a picture. */
export async function audit(browser, order, axe) {
  const { page, faults } = await openPage(browser, order);
  const report = [];
  for (const { name, path } of order.pages) {
    const response = await page.goto(order.address + path, { waitUntil: 'load' });
    for (const scheme of ['light', 'dark']) {
      await look(page, order, name, scheme);
      await page.evaluate(axe);
      const found = await page.evaluate(() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] }));
      const barriers = found.violations.flatMap(v => v.nodes.map(n => `${v.id}: ${n.target.join(' ')}: ${n.failureSummary}`));
      report.push({ name, scheme, status: response.status(), heading: await page.$eval('h1', h => h.textContent), barriers, faults: faults.splice(0) });
    }
  }
  return report;
}

/** What a browser without scripts shows as text, and how many curves it draws. */
export async function withoutScripts(browser, order) {
  const { page, faults } = await openPage(browser, order, { scripts: false });
  const report = [];
  for (const { name, path } of order.pages) {
    await page.goto(order.address + path, { waitUntil: 'load' });
    const markup = await page.content();
    report.push({ name, text: markup.replace(/<[^>]*>/g, ' '), curves: markup.match(/points="[^"]+"/g)?.length ?? 0, faults: faults.splice(0) });
  }
  return report;
}

/** Tabs through a page: what gets the focus, and whether the mark around it can be seen. */
export async function keyboard(browser, order) {
  const { page, faults } = await openPage(browser, order);
  await page.goto(order.address + order.path, { waitUntil: 'load' });
  const stops = [];
  for (let i = 0; i < order.stops; i++) {
    await page.keyboard.press('Tab');
    stops.push(await page.evaluate(() => {
      const at = document.activeElement;
      const { outlineStyle, outlineWidth } = getComputedStyle(at);
      const box = at.querySelector('.box');
      const marked = (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2) || (box !== null && parseFloat(getComputedStyle(box).strokeWidth) >= 2);
      return { tag: at.tagName, text: (at.getAttribute('aria-label') ?? at.textContent ?? '').trim().slice(0, 60), marked };
    }));
    if (stops.at(-1).tag === 'BODY') break;
  }
  await page.goto(order.address + order.path, { waitUntil: 'load' });
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  const skipped = await page.evaluate(() => document.activeElement.id);
  return { stops, skipped, faults };
}
