// SPDX-License-Identifier: Apache-2.0
// look: no serious finding of axe in light and dark, no sideways scroll on a phone, Chinese without a hole.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, id, open, page, rest, shot, skip, test } from './harness.mjs';

const PAGES = [['overview', '/overview'], ['browse', '/browse/'], ['browse-file', '/browse/?sel=look.csv'], ['browse-delete', '/browse/?sel=look.csv&dlg=delete'], ['mounts', '/mounts/1'],
  ['add-mount', '/mounts?dlg=add'], ['account', '/access/account'], ['tokens', '/access/tokens'], ['users', '/access/users'], ['sessions', '/access/sessions'], ['config', '/config'], ['tasks', '/tasks'], ['logs', '/logs']];

function axeSource() {
  try { return readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'); } catch { return undefined; }
}

const setTheme = (theme) => page.evaluate(t => localStorage.setItem('isthmus.theme', t), theme);
const settle = () => page.waitForTimeout(250);

async function axe(source) {
  await page.evaluate(`(() => { ${source} })()`);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  return violations.filter(v => v.impact === 'serious' || v.impact === 'critical').map(v => `${v.id}: ${v.nodes.slice(0, 3).map(n => n.target).join(' ')}`);
}

export async function run() {
  await rest('PUT', '/files/look.csv?content&overwrite=true', { raw: 'name,n\nx,1\n' });
  const source = axeSource();
  if (source) await test('axe: finds a planted fault', async () => {
    await open('/overview');
    await page.evaluate(() => document.querySelector('main').append(document.createElement('button')));
    expect((await axe(source)).some(f => f.startsWith('button-name')), 'it finds nothing');
  });
  for (const theme of ['light', 'dark']) {
    if (!source) { skip(`axe: ${theme}`, 'axe-core is not installed'); continue; }
    for (const [name, path] of PAGES)
      await test(`axe: ${name}, ${theme}`, async () => {
        await setTheme(theme);
        await open(path);
        await settle();
        await shot(`${theme}-${name}`);
        const found = await axe(source);
        expect(!found.length, found.join('; '));
      });
  }
  await setTheme('light');

  for (const width of [390, 360]) {
    await page.setViewportSize({ width, height: 844 });
    for (const [name, path] of PAGES)
      await test(`phone: ${name}, ${width} px`, async () => {
        await open(path);
        await settle();
        if (width === 390) await shot(`phone-${name}`);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        expect(wide <= 0, `${wide} px wider than the screen`);
      });
  }
  await page.setViewportSize({ width: 1440, height: 900 });

  await test('languages: Chinese on every page, and back', async () => {
    await page.evaluate(() => localStorage.setItem('isthmus.lang', 'zh-CN'));
    for (const [name, path] of PAGES) {
      await open(path);
      await settle();
      await shot(`zh-${name}`);
      expect(await page.locator('h1').evaluate(el => /\p{Script=Han}/u.test(el.textContent)), `${name} has no Chinese title`);
    }
    expect(await page.evaluate(() => document.documentElement.lang) === 'zh-CN', 'the language is not declared');
    await open('/overview');
    await id('toggle-lang').click();
    await page.locator('h1', { hasText: 'Overview' }).waitFor();
  });
  await rest('DELETE', '/files/look.csv');
}
