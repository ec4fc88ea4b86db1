// A job's page follows the job's event stream: steps go straight into the curves, all else has the part fetched again that shows it.
import { renew } from './parts.js';

const ends = ['succeeded', 'failed', 'cancelled'];
const kinds = ['state', 'placement', 'checkpoint', 'evaluation', 'metrics', 'warning', 'error'];
const pause = 1000;

export function watchJob(page) {
  const stale = new Set();
  let address = new URL(page.dataset.stream, location.href);
  let source;
  let renewing;

  function open() {
    if (source || !address) return;
    source = new EventSource(address);
    kinds.forEach(kind => source.addEventListener(kind, event => take(JSON.parse(event.data))));
  }

  /** Browsers allow a server few connections at once: a page that nobody sees holds none. */
  function close() {
    source?.close();
    source = undefined;
  }

  function take(event) {
    address?.searchParams.set('after', event.seq);
    const drawn = event.type === 'metrics' && event.data.steps.every(addStep);
    stale.add('head');
    if (event.type !== 'metrics') stale.add('log');
    if (!drawn && event.type === 'metrics' || event.type === 'state') stale.add('plots');
    if (event.type === 'state' && ends.includes(event.data?.status)) {
      address = undefined;
      close();
    }
    renewing ??= setTimeout(renewAll, pause);
  }

  async function renewAll() {
    for (const name of [...stale]) {
      stale.delete(name);
      const part = page.querySelector(`[data-name="${name}"]`);
      try {
        if (part) await renew(part);
      } catch {
        stale.add(name); // The server is away; the next event, or the next look, tries again.
      }
    }
    renewing = stale.size > 0 && !document.hidden ? setTimeout(renewAll, pause) : undefined;
  }

  document.addEventListener('visibilitychange', () => document.hidden ? close() : open());
  open();
}

/** Adds a step to the curves. False where that cannot be done in place: no chart yet, one beyond its edge, or an attempt that went back to an earlier step. */
function addStep(step) {
  const charts = document.querySelector('.charts');
  if (!charts) return false;
  if (step.attempt > Number(charts.dataset.attempt)) return false;
  if (step.step <= Number(charts.dataset.step)) return true;
  charts.dataset.step = step.step;
  const values = { ...step, tokens_per_second: step.seconds > 0 ? step.tokens / step.seconds : undefined };
  return [...charts.querySelectorAll('[data-chart]')].map(chart => addPoint(chart, values)).every(Boolean);
}

function addPoint(chart, values) {
  const [first, last, low, high] = chart.dataset.scale.split(' ').map(Number);
  const [left, top, right, bottom] = chart.dataset.box.split(' ').map(Number);
  let fits = true;
  for (const line of chart.querySelectorAll('polyline')) {
    const value = values[line.dataset.field];
    if (!Number.isFinite(value)) continue;
    const shown = chart.querySelector(`[data-last="${line.dataset.field}"]`);
    if (values.step > last || value < low || value > high || !shown || line.nextElementSibling) {
      fits = false;
      continue;
    }
    const x = left + (right - left) * (values.step - first) / (last - first);
    const y = bottom - (bottom - top) * (value - low) / (high - low);
    line.setAttribute('points', `${line.getAttribute('points')}${x.toFixed(1)},${y.toFixed(1)} `);
    shown.textContent = Number(value.toPrecision(4)).toString();
  }
  return fits;
}
