// SPDX-License-Identifier: Apache-2.0
// model: the values of the mount form, and the calls that they make.
import type { Call } from '../../api';
import { t } from '../../i18n';
import type { Freshness, Kind, KindField, Mount } from '../../types';

export const KEPT = '******';
export interface MountForm {
  path: string; uri: string; options: Record<string, string>; readOnly: boolean; shared: boolean; freshness: Freshness; intervalS: string;
}

export const listOf = (v: string[] | string | null): string[] => Array.isArray(v) ? v : (v ?? '').split(/[|,\s]+/).filter(Boolean);
export const schemesOf = (kind: Kind): string[] => listOf(kind.schemes);
export const startOf = (kind: Kind): string => { const s = schemesOf(kind)[0] ?? kind.kind; return s === 'file' ? 'file:///' : s.startsWith('/') ? '/' : `${s}://`; };

export const kindOf = (kinds: Kind[], uri: string): Kind | undefined =>
  kinds.find(k => schemesOf(k).some(s => uri.startsWith(`${s}:`)));

export const emptyForm = (kind: Kind | undefined): MountForm =>
  ({ path: '/', uri: kind ? startOf(kind) : '', options: {}, readOnly: false, shared: false, freshness: 'never', intervalS: '60' });

export const formOf = (m: Mount): MountForm => ({
  path: m.path, uri: m.uri, options: Object.fromEntries(Object.entries(m.options).filter(([, v]) => v !== KEPT)), readOnly: m.read_only,
  shared: m.shared, freshness: m.freshness, intervalS: String((m.freshness === 'interval' ? m.interval_ms : 60_000) / 1000),
});

function bodyOf(f: MountForm, kept: string[]) {
  const options: Record<string, string> = {};
  for (const [name, value] of Object.entries(f.options)) if (value !== '') options[name] = value;
  for (const name of kept) options[name] ??= KEPT;
  return { options, read_only: f.readOnly, shared: f.shared, freshness: f.freshness, interval_ms: f.freshness === 'interval' ? Math.round(Number(f.intervalS) * 1000) || 0 : 0 };
}

export const testCall = (f: MountForm): Call => ({ method: 'POST', path: '/mounts:test', body: { path: f.path, uri: f.uri, ...bodyOf(f, []) } });
export const addCall = (f: MountForm): Call => ({ method: 'POST', path: '/mounts', body: { path: f.path, uri: f.uri, ...bodyOf(f, []) } });
export const keptSecrets = (m: Mount): string[] => Object.entries(m.options).filter(([, v]) => v === KEPT).map(([k]) => k);
export const editCall = (f: MountForm, m: Mount): Call =>
  ({ method: 'PATCH', path: `/mounts/${m.id}`, body: bodyOf(f, keptSecrets(m)), headers: m.etag ? { 'If-Match': m.etag } : undefined });

// "isthmus.underfs.s3.disable.dns.buckets" → "Disable dns buckets"; translated when the table knows it.
export function labelOf(field: KindField): string {
  const words = field.name.replace(/^isthmus\.underfs\.(\w+\.)?/, '').replace(/^s3a\./, '').replace(/\.enabled$/, '')
    .replace(/([a-z])([A-Z])/g, '$1 $2').replaceAll('.', ' ').toLowerCase();
  return t(words.charAt(0).toUpperCase() + words.slice(1));
}

export const isBasic = (f: KindField): boolean => f.required || !f.default;
