// SPDX-License-Identifier: Apache-2.0
// overlay: dialog, menu, toasts, code with a copy button.
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { type Call, curlOf } from '../api';
import { t } from '../i18n';
import { store, useStore } from '../store';
import { Button } from './controls';
import { Icon, type IconName } from './icon';

const FOCUSABLE = 'a[href],button:not([disabled]),input:not([disabled]),select:not([disabled]),textarea:not([disabled]),summary,[tabindex="0"]';

// Keeps the focus inside while open and gives it back at the end. The first field gets it, else the first button of the footer.
export function useFocusTrap(onClose: (() => void) | undefined) {
  const ref = useRef<HTMLDivElement>(null);
  const close = useRef(onClose);
  close.current = onClose;
  useLayoutEffect(() => {
    const box = ref.current, before = document.activeElement as HTMLElement | null;
    if (!box) return;
    if (!box.contains(document.activeElement))
      (box.querySelector<HTMLElement>('[autofocus]') ?? box.querySelector<HTMLElement>('input:not([disabled]),select,footer .btn:not([disabled])') ?? box).focus();
    const onKey = (e: KeyboardEvent) => {
      if (e.key === 'Escape') { e.stopPropagation(); close.current?.(); }
      if (e.key !== 'Tab') return;
      const all = [...box.querySelectorAll<HTMLElement>(FOCUSABLE)].filter(el => el.offsetParent);
      const first = all[0], last = all[all.length - 1];
      if (e.shiftKey && document.activeElement === first) { e.preventDefault(); last?.focus(); }
      else if (!e.shiftKey && document.activeElement === last) { e.preventDefault(); first?.focus(); }
    };
    box.addEventListener('keydown', onKey);
    return () => { box.removeEventListener('keydown', onKey); before?.focus(); };
  }, []);
  return ref;
}

export function Code({ text }: { text: string }) {
  return <div class="codebox"><pre tabIndex={0}>{text}</pre><Button icon="copy" label={t('Copy')} onClick={() => copyText(text)} /></div>;
}

export async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toast(t('Copied'));
  } catch {
    toast(t('The browser did not allow copying'));
  }
}

interface DialogProps {
  id: string; title: string; wide?: boolean; calls?: Call[]; onClose?: () => void; onSubmit?: () => void; children: ComponentChildren; footer: ComponentChildren; plain?: boolean;
}

// `calls` are what the dialog sends with its present values; </> shows them. `plain` leaves the padding to the content. Without `onClose` it stays until it is answered.
export function Dialog({ id, title, wide, calls, onClose, onSubmit, children, footer, plain }: DialogProps) {
  const ref = useFocusTrap(onClose);
  const [shows, setShows] = useState(false);
  const submit = (e: Event) => { e.preventDefault(); onSubmit?.(); };
  const body = shows
    ? <div class="body">{calls?.map(c => <Code key={c.path} text={curlOf(c)} />)}</div>
    : plain ? children : <div class="body">{children}</div>;
  return (
    <div class="scrim">
      <div class={`dlg${wide ? ' wide' : ''}`} role="dialog" aria-modal="true" aria-labelledby={`dlg-${id}`} ref={ref} tabIndex={-1} data-testid={`dialog-${id}`}>
        <header>
          <h2 id={`dlg-${id}`}>{title}</h2>
          {calls && <Button icon="code" kind="ghost" label={t('Show the call')} pressed={shows} onClick={() => setShows(!shows)} id="dialog-call" />}
          {onClose && <Button icon="x" kind="ghost" label={t('Close')} onClick={onClose} id="dialog-close" />}
        </header>
        <form onSubmit={submit} novalidate>{body}<footer>{footer}</footer></form>
      </div>
    </div>
  );
}

export interface MenuItem { text: string; icon?: IconName; danger?: boolean; disabled?: boolean; id?: string; run: () => void }
interface OpenMenu { at: HTMLElement; items: (MenuItem | null)[] }
const menu = store<OpenMenu | null>(null);

export function openMenu(e: MouseEvent, items: (MenuItem | null)[]): void {
  e.stopPropagation();
  const at = e.currentTarget as HTMLElement;
  menu.set(menu.get()?.at === at ? null : { at, items });
}

export function MenuHost() {
  const open = useStore(menu);
  const ref = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const box = ref.current;
    if (!open || !box) return;
    const r = open.at.getBoundingClientRect();
    box.style.left = `${Math.max(8, Math.min(r.right - box.offsetWidth, innerWidth - box.offsetWidth - 8))}px`;
    box.style.top = `${r.bottom + 4 + box.offsetHeight > innerHeight ? Math.max(8, r.top - box.offsetHeight - 4) : r.bottom + 4}px`;
    box.querySelector('button')?.focus();
  }, [open]);
  useEffect(() => {
    if (!open) return;
    const close = () => { menu.set(null); open.at.focus(); };
    const outside = (e: Event) => { if (!ref.current?.contains(e.target as Node) && !open.at.contains(e.target as Node)) menu.set(null); };
    const onKey = (e: KeyboardEvent) => {
      const all = [...ref.current?.querySelectorAll<HTMLElement>('button:not([disabled])') ?? []];
      const at = all.indexOf(document.activeElement as HTMLElement);
      if (e.key === 'Escape' || e.key === 'Tab') close();
      else if (e.key === 'ArrowDown') all[(at + 1) % all.length]?.focus();
      else if (e.key === 'ArrowUp') all[(at - 1 + all.length) % all.length]?.focus();
      else return;
      e.preventDefault();
    };
    document.addEventListener('pointerdown', outside);
    document.addEventListener('keydown', onKey);
    return () => { document.removeEventListener('pointerdown', outside); document.removeEventListener('keydown', onKey); };
  }, [open]);
  if (!open) return null;
  const pick = (item: MenuItem) => { menu.set(null); open.at.focus(); item.run(); };
  return (
    <div class="menu" role="menu" ref={ref} data-testid="menu">
      {open.items.map((item, i) => item
        ? <button type="button" role="menuitem" key={i} class={item.danger ? 'danger' : ''} disabled={item.disabled} data-testid={item.id} onClick={() => pick(item)}>
          {item.icon && <Icon name={item.icon} />}{item.text}</button>
        : <hr key={i} />)}
    </div>
  );
}

interface Toast { id: number; text: string }
const toasts = store<Toast[]>([]);
let toastId = 0;

// Only for what succeeded.
export function toast(text: string): void {
  const id = ++toastId;
  toasts.set([...toasts.get(), { id, text }].slice(-3));
  setTimeout(() => toasts.set(toasts.get().filter(x => x.id !== id)), 6000);
}

export function ToastHost() {
  const all = useStore(toasts);
  return <div class="toasts" role="status" aria-live="polite">{all.map(x => <div class="toast" key={x.id} data-testid="toast">{x.text}</div>)}</div>;
}
