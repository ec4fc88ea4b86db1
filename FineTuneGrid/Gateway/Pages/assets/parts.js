// Parts of pages that are fetched again.
export const html = { headers: { accept: 'text/html' }, redirect: 'error' };

/** Fetches a part again and puts it in its old one's place; keeps the focus, what is folded out, and what is being selected. */
export async function renew(part) {
  if (part.contains(getSelection()?.anchorNode) && !getSelection().isCollapsed) return part;
  const response = await fetch(part.dataset.part, html);
  if (!response.ok) return part;
  const next = new DOMParser().parseFromString(await response.text(), 'text/html').body.firstElementChild;
  if (!next) return part;
  const focusable = 'a, button, input, select, textarea, summary, [tabindex]';
  const focused = [...part.querySelectorAll(focusable)].indexOf(document.activeElement);
  const open = [...part.querySelectorAll('details')].map(d => d.open);
  next.querySelectorAll('details').forEach((d, i) => { d.open = open[i] ?? false; });
  part.replaceWith(next);
  if (focused >= 0) next.querySelectorAll(focusable)[focused]?.focus({ preventScroll: true });
  return next;
}
