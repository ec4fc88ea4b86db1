// A signed-in page that keeps what went wrong on it.

/** Console errors, failed scripts, refused resources and answers above 399 end up in the list of faults. */
export async function openPage(browser, order, { scripts = true } = {}) {
  const page = await (await browser.createBrowserContext()).newPage();
  await page.setViewport({ width: 1280, height: 900 });
  await page.setJavaScriptEnabled(scripts);
  const faults = [];
  page.on('console', message => {
    if (message.type() === 'error' || message.type() === 'warn') faults.push(`console: ${message.text()} ${message.location().url ?? ''}`);
  });
  page.on('pageerror', error => faults.push(`script: ${error.message}`));
  page.on('response', response => {
    if (response.status() >= 400) faults.push(`${response.status()} ${response.url()}`);
  });
  if (scripts) {
    await page.exposeFunction('tellViolation', text => faults.push(`policy: ${text}`));
    await page.evaluateOnNewDocument(() => document.addEventListener('securitypolicyviolation', e => tellViolation(`${e.violatedDirective} ${e.blockedURI} ${e.sample}`)));
  }
  await page.goto(`${order.address}/login`);
  await page.type('#key', order.key);
  await Promise.all([page.waitForNavigation(), page.click('.card button')]);
  return { page, faults };
}

export async function look(page, order, name, scheme) {
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
  await page.screenshot({ path: `${order.screenshots}/${name}-${scheme}.png`, fullPage: true });
}
