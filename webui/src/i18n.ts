// SPDX-License-Identifier: Apache-2.0
// i18n: strings are keyed by their English text; `{name}` is replaced, `{n, plural, one {…} other {…}}` chosen by number.
// en.json is the list of all keys (checked by `npm run lint`), other languages are loaded when chosen.
import { count } from './format';
import { store } from './store';

export type Vars = Record<string, string | number>;
export type Lang = 'en' | 'zh-CN';

let table: Record<string, string> = {};
export const lang = store<Lang>('en');

export function firstLang(): Lang {
  const kept = localStorage.getItem('isthmus.lang');
  if (kept === 'en' || kept === 'zh-CN') return kept;
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en';
}

export async function setLang(next: Lang, keep = true): Promise<void> {
  table = next === 'zh-CN' ? (await import('./i18n/zh-CN.json')).default : {};
  if (keep) localStorage.setItem('isthmus.lang', next);
  document.documentElement.lang = next;
  lang.set(next);
}

const plurals = new Map<string, Intl.PluralRules>();

function choose(n: number, forms: string): string {
  let rules = plurals.get(lang.get());
  if (!rules) plurals.set(lang.get(), rules = new Intl.PluralRules(lang.get()));
  const found = new Map([...forms.matchAll(/(\w+) \{([^}]*)\}/g)].map(m => [m[1], m[2] ?? '']));
  const form = found.get(rules.select(n)) ?? found.get('other') ?? '';
  return form.replaceAll('#', count(n));
}

export function fill(text: string, vars: Vars): string {
  return text
    .replace(/\{(\w+), plural, ((?:\w+ \{[^}]*\} ?)+)\}/g, (_, name: string, forms: string) => choose(Number(vars[name] ?? 0), forms))
    .replace(/\{(\w+)\}/g, (_, name: string) => String(vars[name] ?? ''));
}

export function t(key: string, vars?: Vars): string {
  const text = table[key] ?? key;
  return vars ? fill(text, vars) : text;
}

// Marks a text for translation where it stands in a table; t() is called where it is shown.
export const mark = (key: string): string => key;
