// What pages do beyond showing: parts renew themselves, and forms answer in place. Everything works without, by loading pages again.
import { html, renew } from './parts.js';
import { watchJob } from './job.js';

function poll(part) {
  setTimeout(async () => {
    if (!document.hidden) {
      try {
        part = await renew(part);
      } catch {
        // The server is away; the next round tries again.
      }
    }
    if (part.dataset.every) poll(part);
  }, Number(part.dataset.every));
}

/** Sends a form without leaving the page, and shows the answer where it belongs. */
async function show(form, address, place, busy) {
  busy?.setAttribute('aria-busy', 'true');
  try {
    const response = await fetch(address, { ...html, method: 'POST', body: new URLSearchParams(new FormData(form)) });
    const answer = new DOMParser().parseFromString(await response.text(), 'text/html');
    place.replaceChildren(...(answer.querySelector('main') ?? answer.body).childNodes);
  } catch {
    place.textContent = 'The server did not answer; try again.';
  } finally {
    busy?.removeAttribute('aria-busy');
  }
}

function part(address, name) {
  const url = new URL(address, location.href);
  url.searchParams.set('part', name);
  url.hash = '';
  return url;
}

document.querySelectorAll('[data-every]').forEach(poll);

for (const form of document.querySelectorAll('form[data-answers]')) {
  form.addEventListener('submit', event => {
    event.preventDefault();
    const button = form.querySelector('button');
    if (button.getAttribute('aria-busy')) return;
    show(form, part(form.action, 'answers'), document.getElementById(form.dataset.answers), button);
  });
}

for (const form of document.querySelectorAll('form[data-preview]')) {
  let pending;
  form.addEventListener('input', () => {
    clearTimeout(pending);
    pending = setTimeout(() => show(form, part(form.action, form.dataset.preview), document.getElementById(form.dataset.preview)), 300);
  });
}

document.querySelectorAll('[data-stream]').forEach(watchJob);
