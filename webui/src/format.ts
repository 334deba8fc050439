// SPDX-License-Identifier: Apache-2.0
// format: numbers, sizes, times as people read them, in the chosen language.
import { lang, t } from './i18n';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

export function sizeParts(bytes: number): [string, string] {
  let value = bytes, unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) { value /= 1024; unit++; }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return [value.toLocaleString(lang.get(), { maximumFractionDigits: digits }), UNITS[unit] ?? 'B'];
}

export const size = (bytes: number): string => sizeParts(bytes).join('\u00a0');

export function count(n: number): string {
  if (n < 1_000_000) return n.toLocaleString(lang.get());
  return new Intl.NumberFormat(lang.get(), { notation: 'compact', maximumSignificantDigits: 4 }).format(n);
}

export function percent(part: number, whole: number): string {
  if (whole <= 0) return '–';
  const value = 100 * part / whole;
  return `${value.toLocaleString(lang.get(), { maximumFractionDigits: value < 10 && value > 0 ? 1 : 0 })}\u00a0%`;
}

export function ago(iso: string, now = Date.now()): string {
  const s = Math.max(0, Math.round((now - Date.parse(iso)) / 1000));
  if (s < 60) return t('{n} s ago', { n: s });
  if (s < 3600) return t('{n} min ago', { n: Math.floor(s / 60) });
  if (s < 86400) return t('{n} h ago', { n: Math.floor(s / 3600) });
  return day(iso);
}

const two = (n: number): string => String(n).padStart(2, '0');
export function day(iso: string): string {
  const d = new Date(iso);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
}

export function minute(iso: string): string {
  const d = new Date(iso);
  return `${day(iso)} ${two(d.getHours())}:${two(d.getMinutes())}`;
}

export const exact = (iso: string): string => new Date(iso).toLocaleString(lang.get(), { timeZoneName: 'short' });

export function duration(ms: number): string {
  if (ms < 1000) return t('{n} ms', { n: ms });
  const s = Math.round(ms / 1000);
  if (s < 60) return t('{n} s', { n: s });
  if (s < 3600) return s % 60 ? t('{m} min {s} s', { m: Math.floor(s / 60), s: s % 60 }) : t('{n} min', { n: s / 60 });
  if (s < 86400) return t('{h} h {m} min', { h: Math.floor(s / 3600), m: Math.floor(s % 3600 / 60) });
  return t('{d} d {h} h', { d: Math.floor(s / 86400), h: Math.floor(s % 86400 / 3600) });
}
