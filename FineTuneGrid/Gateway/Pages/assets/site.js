// Keeps a page's live part fresh: fetches it again every two seconds while the page is visible and the part says it is live.
const period = 2000;

async function refresh() {
  const part = document.querySelector('[data-live]');
  if (!part) return;
  if (!document.hidden && !document.querySelector('[data-live] form:focus-within')) {
    try {
      const response = await fetch(part.dataset.live, { headers: { accept: 'text/html' }, redirect: 'error' });
      if (response.ok) {
        const open = [...part.querySelectorAll('details')].map(d => d.open);
        const next = new DOMParser().parseFromString(await response.text(), 'text/html').body.firstElementChild;
        if (next) {
          [...next.querySelectorAll('details')].forEach((d, i) => { d.open = open[i] ?? false; });
          part.replaceWith(next);
        }
      }
    } catch {
      // The server is away; the next round tries again.
    }
  }
  setTimeout(refresh, period);
}

setTimeout(refresh, period);
