// SPDX-License-Identifier: Apache-2.0
// listing: the entries of one folder by position. Pages of 500 are fetched for what is visible, fetches of skipped pages
// are aborted, 40 pages are kept. With a filter or another order than by name at most 10,000 entries are read and sorted here.
import { type ApiError, files, get } from '../../api';
import type { Entry, Listing as Answer } from '../../types';
import { asError } from '../../ui/states';

export const PAGE = 500;
const KEPT = 40, WHOLE = 10_000;
export type SortKey = 'name' | 'size' | 'modified';
export interface Order { key: SortKey; isDown: boolean }

const by: Record<SortKey, (a: Entry, b: Entry) => number> = {
  name: (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  size: (a, b) => a.length - b.length,
  modified: (a, b) => Date.parse(a.modified ?? '') - Date.parse(b.modified ?? '') || 0,
};

export class Listing {
  total: number | null = null;
  isPart = false;        // more match than were read
  newTotal: number | null = null;
  meta: { verified: string | null; checking: boolean } = { verified: null, checking: false };
  error: ApiError | undefined;
  private pages = new Map<number, Entry[]>();
  private pending = new Map<number, AbortController>();
  private isOver = false;

  constructor(readonly path: string, readonly prefix: string, readonly order: Order, private readonly changed: () => void) {}

  private get isPaged(): boolean { return !this.prefix && this.order.key === 'name' && !this.order.isDown; }

  row(i: number): Entry | undefined { return this.pages.get(Math.floor(i / PAGE))?.[i % PAGE]; }
  find(name: string): Entry | undefined {
    for (const page of this.pages.values()) for (const e of page) if (e.name === name) return e;
    return undefined;
  }

  // Rows from..to are on the screen.
  show(from: number, to: number): void {
    if (!this.isPaged) { if (this.total === null && !this.pending.size) void this.readWhole(); return; }
    const first = Math.max(0, Math.floor(from / PAGE)), last = Math.floor(to / PAGE);
    for (const [page, abort] of this.pending) if (page < first - 2 || page > last + 2) { abort.abort(); this.pending.delete(page); }
    for (let page = first; page <= last; page++)
      if (!this.pages.has(page) && !this.pending.has(page) && (this.total === null || page * PAGE < this.total)) void this.readPage(page);
  }

  private take(answer: Answer): void {
    this.error = undefined;
    this.newTotal = null;
    this.meta = { verified: answer.verified, checking: answer.checking };
  }

  private async readPage(page: number): Promise<void> {
    const abort = new AbortController();
    this.pending.set(page, abort);
    try {
      const answer = await get<Answer>(files(this.path), { list: true, limit: PAGE, offset: page * PAGE }, abort.signal);
      this.take(answer);
      if (this.total !== null && answer.total !== this.total) for (const other of [...this.pages.keys()]) if (Math.abs(other - page) > 1) this.pages.delete(other);
      this.total = answer.total ?? page * PAGE + answer.items.length;
      this.pages.delete(page);
      this.pages.set(page, answer.items);
      while (this.pages.size > KEPT) this.pages.delete(this.pages.keys().next().value as number);
    } catch (e) {
      if (abort.signal.aborted) return;
      this.error = asError(e);
    } finally {
      if (this.pending.get(page) === abort) this.pending.delete(page);
    }
    if (!this.isOver) this.changed();
  }

  private async readWhole(): Promise<void> {
    const abort = new AbortController();
    this.pending.set(0, abort);
    try {
      const answer = await get<Answer>(files(this.path), { list: true, limit: WHOLE, prefix: this.prefix || undefined }, abort.signal);
      this.take(answer);
      const items = answer.items.sort(by[this.order.key]);
      if (this.order.isDown) items.reverse();
      this.pages.clear();
      for (let i = 0; i < items.length; i += PAGE) this.pages.set(i / PAGE, items.slice(i, i + PAGE));
      this.total = items.length;
      this.isPart = answer.next_cursor !== null;
    } catch (e) {
      if (abort.signal.aborted) return;
      this.error = asError(e);
    } finally {
      this.pending.delete(0);
    }
    if (!this.isOver) this.changed();
  }

  // Reads again what is shown and keeps it on the screen meanwhile.
  refresh(from: number, to: number): void {
    for (const abort of this.pending.values()) abort.abort();
    this.pending.clear();
    if (!this.isPaged) { void this.readWhole(); return; }
    const first = Math.max(0, Math.floor(from / PAGE)), last = Math.floor(to / PAGE);
    for (const page of [...this.pages.keys()]) if (page < first || page > last) this.pages.delete(page);
    for (let page = first; page <= last; page++) void this.readPage(page);
  }

  // Has the folder changed behind us? The list does not jump: `newTotal` says so.
  async look(): Promise<void> {
    if (!this.isPaged || this.total === null || this.pending.size) return;
    try {
      const answer = await get<Answer>(files(this.path), { list: true, limit: 1, offset: 0 });
      if (this.isOver) return;
      this.meta = { verified: answer.verified, checking: answer.checking };
      this.newTotal = answer.total !== null && answer.total !== this.total ? answer.total : null;
      this.changed();
    } catch { /* the next look or the banner tells */ }
  }

  end(): void {
    this.isOver = true;
    for (const abort of this.pending.values()) abort.abort();
  }
}
