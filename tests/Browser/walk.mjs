// From the form of a new job to the adapter's answers, in one browser.
import { look, openPage } from './session.mjs';

const limit = 240_000;

export async function walk(browser, order) {
  const { page, faults } = await openPage(browser, order);
  const report = { faults };

  await page.goto(`${order.address}/jobs/new`);
  for (const [field, value] of Object.entries(order.fields)) {
    await page.$eval(`[name="${field}"]`, input => { input.value = ''; });
    await page.type(`[name="${field}"]`, value);
  }
  await page.waitForFunction(adapter => document.getElementById('curl').textContent.includes(adapter), { timeout: limit }, order.fields.adapter);
  report.curl = await page.$eval('#curl', e => e.textContent);
  await Promise.all([page.waitForNavigation(), page.click('button[value=submit]')]);
  if (!page.url().includes('/jobs/job-')) throw new Error(`the job was not accepted: ${await page.$eval('[role=alert]', e => e.textContent)}`);

  // From here on nothing is loaded again: what this mark survives came by the stream.
  await page.evaluate(() => { window.neverLeft = true; });
  await press(page, 'Pause', ['paused']);
  await page.evaluate(() => { window.neverLeft = true; });
  await press(page, 'Resume', ['queued', 'starting', 'running', 'publishing', 'succeeded']);
  await page.evaluate(() => { window.neverLeft = true; });
  const counts = new Set();
  await page.exposeFunction('tellPoints', n => counts.add(n));
  await page.evaluate(() => new MutationObserver(() => tellPoints(document.querySelector('[data-field=train_loss]')?.getAttribute('points').trim().split(' ').length ?? 0))
    .observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ['points'] }));
  await page.waitForFunction(() => document.querySelector('.title .status')?.textContent === 'succeeded', { timeout: limit });
  await page.waitForFunction(steps => document.querySelector('.charts')?.dataset.step === steps, { timeout: limit }, order.fields['optimizer.max_steps']);
  report.stayed = await page.evaluate(() => window.neverLeft === true);
  report.counts = [...counts];
  report.curves = await page.$$eval('.chart polyline', lines => lines.map(l => [l.dataset.field, l.getAttribute('points').trim().split(' ').length]));
  await look(page, order, 'walk-job', 'light');

  await Promise.all([page.waitForNavigation(), page.click('.notice.good a')]);
  report.adapter = page.url();
  await page.type('#prompt', order.prompt);
  await page.click('.try button');
  await page.waitForSelector('.answer, #answers [role=alert]', { timeout: limit });
  report.answers = await page.$$eval('.answer', all => all.map(a => ({ who: a.querySelector('h3').textContent, said: a.querySelector('.said').textContent, how: a.querySelector('.hint').textContent })));
  report.refusal = await page.$eval('#answers', a => a.querySelector('[role=alert]')?.textContent ?? null);
  await look(page, order, 'walk-try', 'dark');
  report.commands = await page.$$eval('pre', all => all.map(p => p.textContent).filter(t => t.includes(' adapter pull ') || t.includes('curl -O')));
  report.sha256 = await page.evaluate(async () => {
    const link = [...document.querySelectorAll('a[download]')].find(a => a.textContent.endsWith('.safetensors'));
    const digest = await crypto.subtle.digest('SHA-256', await (await fetch(link.href)).arrayBuffer());
    return [...new Uint8Array(digest)].map(b => b.toString(16).padStart(2, '0')).join('');
  });
  return report;
}

/** Presses a button of the job's page and waits for one of the states that it leads to. */
async function press(page, label, states) {
  await page.waitForFunction(text => [...document.querySelectorAll('.actions button')].some(b => b.textContent === text), { timeout: limit }, label);
  await Promise.all([page.waitForNavigation(), page.evaluate(text => [...document.querySelectorAll('.actions button')].find(b => b.textContent === text).click(), label)]);
  await page.waitForFunction(wanted => wanted.includes(document.querySelector('.title .status')?.textContent), { timeout: limit }, states);
}
