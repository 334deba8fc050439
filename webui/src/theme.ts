// SPDX-License-Identifier: Apache-2.0
// theme: light, dark, or what the system says.
import { store } from './store';

export type Theme = 'light' | 'dark';
const system = matchMedia('(prefers-color-scheme: dark)');
const kept = (): Theme | null => { const k = localStorage.getItem('isthmus.theme'); return k === 'light' || k === 'dark' ? k : null; };
export const theme = store<Theme>(kept() ?? (system.matches ? 'dark' : 'light'));

const show = () => { document.documentElement.dataset.theme = theme.get(); };
theme.subscribe(show);
show();
system.addEventListener('change', () => { if (!kept()) theme.set(system.matches ? 'dark' : 'light'); });

export function toggleTheme(): void {
  const next = theme.get() === 'dark' ? 'light' : 'dark';
  localStorage.setItem('isthmus.theme', next);
  theme.set(next);
}
