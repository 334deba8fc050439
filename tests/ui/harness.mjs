// SPDX-License-Identifier: Apache-2.0
// harness: a browser, a signed-in page, REST beside it, and cases that print `ok NAME` or `not ok NAME why`.
import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';

export const { values: options } = parseArgs({ options: {
  url: { type: 'string', default: process.env.NODE_URL ?? 'http://127.0.0.1:19999' },
  user: { type: 'string', default: 'admin' }, password: { type: 'string', default: process.env.NODE_PASSWORD ?? '' },
  shots: { type: 'string', default: '' }, folder: { type: 'string', default: '' },
  chromium: { type: 'string', default: process.env.CHROMIUM ?? '/usr/bin/chromium' },
} });

export const browser = await chromium.launch({ executablePath: options.chromium, chromiumSandbox: false });
export const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-US', acceptDownloads: true });
export const page = await context.newPage();
page.setDefaultTimeout(10_000);
export const credentials = { user: options.user, password: options.password };
export const complaints = []; // what the browser's console and the page's scripts complained of
page.on('pageerror', e => complaints.push(`script: ${e.message}`));
page.on('console', m => { if (m.type() === 'error' && !m.text().startsWith('Failed to load resource')) complaints.push(m.text()); });

export const id = (name) => page.locator(`[data-testid="${name}"]`);
export const row = (name) => id(`browse-row-${name}`);
export const expect = (is, why) => { if (!is) throw new Error(why); };
export const shot = async (name) => { if (options.shots) { mkdirSync(options.shots, { recursive: true }); await page.screenshot({ path: `${options.shots}/${name}.png` }); } };

// Opens an address of the UI and waits until the page has what it shows.
export async function open(path, name = path.split(/[/?]/)[1]) {
  await page.goto(options.url + '/ui' + path);
  await ready(name);
}
export const ready = (name, states = ['ready', 'empty']) =>
  page.locator(states.map(s => `main[data-page="${name}"][data-state="${s}"]`).join(',')).waitFor();

export async function rest(method, path, { body, raw, auth } = {}) {
  const basic = Buffer.from(`${credentials.user}:${credentials.password}`).toString('base64');
  const answer = await fetch(`${options.url}/api/v1${path}`, { method, body: raw ?? (body && JSON.stringify(body)),
    headers: { Authorization: auth ?? `Basic ${basic}`, ...(body ? { 'Content-Type': 'application/json' } : {}) } });
  const bytes = Buffer.from(await answer.arrayBuffer());
  return { status: answer.status, bytes, get json() { return JSON.parse(bytes.toString()); } };
}

let failed = 0;
export async function test(name, steps) {
  const before = complaints.length;
  try {
    await steps();
    expect(complaints.length === before, complaints.slice(before).join('; '));
    console.log(`ok ${name}`);
  } catch (e) {
    failed++;
    complaints.length = before;
    await shot(`failed-${name.replace(/\W+/g, '-')}`).catch(() => undefined);
    console.log(`not ok ${name}: ${e.message.replace(/\u001b\[\d+m/g, '').split('\n').slice(0, 3).join(' ')}`);
    await page.keyboard.press('Escape').catch(() => undefined);
  }
}
export const skip = (name, why) => console.log(`ok ${name} # SKIP ${why}`);

export async function finish() {
  await browser.close();
  process.exit(failed ? 1 : 0);
}

export async function signIn(user = credentials.user, password = credentials.password) {
  await id('login-name').fill(user);
  await id('login-password').fill(password);
  await id('login-submit').click();
}
