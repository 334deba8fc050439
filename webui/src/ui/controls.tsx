// SPDX-License-Identifier: Apache-2.0
// controls: button, field, segments, status mark, bars, times.
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useId, useState } from 'preact/hooks';
import { ago, exact, percent, size } from '../format';
import { t } from '../i18n';
import { Icon, type IconName } from './icon';

interface ButtonProps {
  children?: ComponentChildren; icon?: IconName; label?: string; kind?: string; disabled?: boolean; reason?: string;
  busy?: boolean; type?: 'button' | 'submit'; onClick?: (e: MouseEvent) => void; id?: string; pressed?: boolean; popup?: boolean; focus?: boolean;
}

// `reason` says in words why a button is off; `label` names one that shows an icon only.
export function Button({ children, icon, label, kind = '', disabled, reason, busy, type = 'button', onClick, id, pressed, popup, focus }: ButtonProps) {
  return (
    <button type={type} class={`btn ${kind}${children ? '' : ' icon'}`} disabled={disabled || busy || !!reason} title={reason ?? label}
      aria-label={children ? undefined : label} aria-busy={busy} aria-pressed={pressed} aria-haspopup={popup ? 'menu' : undefined}
      data-testid={id} autofocus={focus} onClick={onClick}>
      {icon && <Icon name={icon} />}{children && <span>{children}</span>}
    </button>
  );
}

interface FieldProps { label: string; hint?: string; error?: string; title?: string; children: (id: string, describedBy: string) => ComponentChildren }

export function Field({ label, hint, error, title, children }: FieldProps) {
  const id = useId();
  return (
    <div class="fld">
      <label for={id} title={title}>{label}</label>
      <div>{children(id, `${id}-h`)}</div>
      {error ? <div class="errt" id={`${id}-h`} role="alert">{error}</div> : hint && <div class="hint" id={`${id}-h`}>{hint}</div>}
    </div>
  );
}

type Input = Omit<JSX.InputHTMLAttributes<HTMLInputElement>, 'onInput' | 'label'>;
interface TextProps extends Input { label: string; value: string; onText: (v: string) => void; hint?: string; error?: string; testid?: string; mono?: boolean }

export function TextField({ label, hint, error, onText, testid, mono, title, ...input }: TextProps & { title?: string }) {
  return (
    <Field label={label} hint={hint} error={error} title={title}>
      {(id, by) => <input {...input} id={id} class={`in${mono ? ' mono' : ''}`} data-testid={testid} aria-invalid={!!error} aria-describedby={by}
        autocomplete={input.autocomplete ?? 'off'} spellcheck={false} onInput={e => onText(e.currentTarget.value)} />}
    </Field>
  );
}

interface SelectProps { label: string; value: string; options: [string, string][]; onText: (v: string) => void; hint?: string; error?: string; testid?: string; title?: string }

export function SelectField({ label, value, options, onText, hint, error, testid, title }: SelectProps) {
  return (
    <Field label={label} hint={hint} error={error} title={title}>
      {(id, by) => <select id={id} class="in" value={value} data-testid={testid} aria-invalid={!!error} aria-describedby={by}
        onChange={e => onText(e.currentTarget.value)}>{options.map(([v, text]) => <option value={v} key={v}>{text}</option>)}</select>}
    </Field>
  );
}

export function Check({ checked, onCheck, children, testid }: { checked: boolean; onCheck: (v: boolean) => void; children: ComponentChildren; testid?: string }) {
  return (
    <label class="chk"><input type="checkbox" checked={checked} data-testid={testid} onChange={e => onCheck(e.currentTarget.checked)} /><span>{children}</span></label>
  );
}

export function Segments({ value, options, onPick, disabled, label }:
  { value: string; options: [string, string][]; onPick: (v: string) => void; disabled?: boolean; label: string }) {
  return (
    <div class="seg" role="group" aria-label={label}>
      {options.map(([v, text]) => <button type="button" key={v} disabled={disabled} aria-pressed={v === value} onClick={() => onPick(v)}>{text}</button>)}
    </div>
  );
}

export type State = 'ok' | 'run' | 'warn' | 'bad' | 'off';
export const Status = ({ state, children }: { state: State; children: ComponentChildren }) => <span class={`st ${state}`}><i />{children}</span>;

// Parts of a whole by tier class (x0 MEM, x1 SSD …); the numbers are its name for those who cannot see it.
export function Bar({ parts, whole, label, big }: { parts: [string, number][]; whole: number; label: string; big?: boolean }) {
  return (
    <span class={`bar${big ? ' big' : ''}`} role="img" aria-label={label}>
      {whole > 0 && parts.map(([cls, n]) => n > 0 && <i key={cls} class={cls} style={{ width: `${Math.min(100, 100 * n / whole)}%` }} />)}
    </span>
  );
}

export function CacheBar({ bytes, mem, length, big }: { bytes: number; mem: number; length: number; big?: boolean }) {
  const label = t('{part} of {whole} cached', { part: size(bytes), whole: size(length) });
  return <Bar big={big} label={label} whole={length} parts={[['x0', mem], ['x1', Math.max(0, bytes - mem)]]} />;
}

export const Percent = ({ part, whole }: { part: number; whole: number }) => <span data-value={part}>{whole > 0 ? percent(part, whole) : '–'}</span>;

// A time that ticks, with its exact twin.
export function Ago({ at }: { at: string | null }) {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => tick(n => n + 1), 10_000);
    return () => clearInterval(timer);
  }, []);
  return at ? <time dateTime={at} title={exact(at)}>{ago(at)}</time> : <span>{t('never')}</span>;
}

export const Section = ({ title, meta, right, children }: { title: string; meta?: ComponentChildren; right?: ComponentChildren; children: ComponentChildren }) => (
  <section class="sec"><header><h2>{title}</h2>{meta !== undefined && <span class="meta">{meta}</span>}{right && <span class="right">{right}</span>}</header>{children}</section>
);

export const Facts = ({ rows }: { rows: [string, ComponentChildren][] }) => (
  <dl class="kv gap-top">{rows.map(([name, value]) => [<dt key={name}>{name}</dt>, <dd key={`${name}:`}>{value}</dd>])}</dl>
);
