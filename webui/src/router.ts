// SPDX-License-Identifier: Apache-2.0
// router: the address is the state of the page. Paths below /ui, query as a record.
import { store, useStore } from './store';

export interface Route { path: string; query: Record<string, string> }

function read(): Route {
  return { path: location.pathname.replace(/^\/ui/, '') || '/', query: Object.fromEntries(new URLSearchParams(location.search)) };
}

export const route = store<Route>(read());
export const useRoute = (): Route => useStore(route);

export function navigate(url: string, replace = false): void {
  history[replace ? 'replaceState' : 'pushState'](null, '', url);
  route.set(read());
}

export function urlOf(path: string, query: Record<string, string | undefined> = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined && value !== '') search.set(key, value);
  const text = search.toString();
  return `/ui${path}${text ? `?${text}` : ''}`;
}

// Changes parts of the query and keeps the rest; undefined removes.
export function setQuery(change: Record<string, string | undefined>, replace = false): void {
  const now = route.get();
  navigate(urlOf(now.path, { ...now.query, ...change }), replace);
}

export const encodePath = (path: string): string => path.split('/').map(encodeURIComponent).join('/');
export const browseUrl = (path: string, query: Record<string, string | undefined> = {}): string =>
  urlOf(`/browse${path === '/' ? '/' : encodePath(path)}`, query);

export function listen(): void {
  addEventListener('popstate', () => route.set(read()));
  document.addEventListener('click', event => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element).closest('a');
    const href = link?.getAttribute('href');
    if (!link || !href?.startsWith('/ui/') || link.hasAttribute('download') || link.target) return;
    event.preventDefault();
    navigate(href);
  });
}
