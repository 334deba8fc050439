// SPDX-License-Identifier: Apache-2.0
// browse: folders, uploads, previews, downloads, names, deletion, long lists.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, id, open, page, ready, rest, row, shot, test } from './harness.mjs';

const CSV = 'country,code,people\nBrazil,BR,203062512\n"Korea, South",KR,51325329\n';
const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
const BYTES = randomBytes(3 << 20);
const file = (name, buffer) => ({ name, mimeType: 'application/octet-stream', buffer: Buffer.from(buffer) });
const uploaded = (name) => page.locator(`[data-testid="upload-${name}"][data-upload=done]`).first().waitFor();
const content = async (path) => (await rest('GET', `/files${path}?content`)).bytes;

async function upload(...files) {
  await id('browse-upload-input').setInputFiles(files);
  for (const f of files) await uploaded(f.name);
}

export async function run() {
  await test('browse: an empty folder says so', async () => {
    await open('/browse/');
    await id('browse-new-folder').click();
    await id('new-folder-name').fill('ui test+ü');
    await shot('browse-new-folder');
    await id('new-folder-save').click();
    await row('ui test+ü').waitFor();
    expect((await rest('GET', '/files/ui%20test%2B%C3%BC')).json.type === 'directory', 'no such folder');
    await row('ui test+ü').locator('a').click();
    await id('empty').waitFor();
    expect(decodeURIComponent(new URL(page.url()).pathname) === '/ui/browse/ui test+ü', page.url());
  });

  await test('browse: a folder that exists is refused at its field', async () => {
    await open('/browse/?dlg=new');
    await id('new-folder-name').fill('ui test+ü');
    await id('new-folder-save').click();
    await page.locator('.errt').waitFor();
    await id('dialog-close').click();
  });

  await test('upload: three files, byte for byte', async () => {
    await open('/browse/ui%20test%2B%C3%BC');
    await upload(file('countries.csv', CSV), file('dot.png', PNG), file('random.bin', BYTES));
    await shot('browse-upload');
    await row('random.bin').waitFor();
    expect((await content('/ui%20test%2B%C3%BC/random.bin')).equals(BYTES), 'other bytes');
    expect((await content('/ui%20test%2B%C3%BC/countries.csv')).equals(Buffer.from(CSV)), 'other text');
  });

  await test('upload: a name that exists is asked about; keep both, replace', async () => {
    await id('browse-upload-input').setInputFiles([file('countries.csv', 'a,b\n')]);
    await id('upload-keep').click();
    await row('countries (2).csv').waitFor();
    await id('browse-upload-input').setInputFiles([file('dot.png', Buffer.concat([PNG, Buffer.from('x')]))]);
    await id('upload-replace').click();
    await page.locator('[data-testid=upload-tray][data-busy="0"]').waitFor();
    expect((await content('/ui%20test%2B%C3%BC/dot.png')).length === PNG.length + 1, 'not replaced');
    await upload(file('empty.txt', ''));
    await id('upload-close').click();
  });

  await test('preview: a table, an image, bytes, nothing', async () => {
    await row('countries.csv').click();
    await id('preview-table').waitFor();
    expect((await id('preview-table').innerText()).includes('Korea, South'), 'a quoted comma splits');
    await shot('browse-preview');
    await row('dot.png').click();
    await id('preview-image').waitFor();
    expect(await id('preview-image').evaluate(el => el.complete && el.naturalWidth === 1), 'the image is not drawn');
    await row('random.bin').click();
    await id('preview-hex').waitFor();
    expect((await id('preview-hex').innerText()).includes(BYTES.subarray(0, 4).toString('hex').match(/../g).join(' ')), 'other bytes');
    await row('empty.txt').click();
    await id('preview-empty').waitFor();
  });

  await test('browse: reload, back and a pasted address give the same view', async () => {
    await row('random.bin').click();
    await page.reload();
    await id('inspector').waitFor();
    expect((await id('inspector').locator('h2').innerText()) === 'random.bin', 'another selection');
    await id('inspector-properties').click();
    await page.reload();
    await page.locator('[data-testid=inspector-properties][aria-selected=true]').waitFor();
    await id('browse-crumbs').locator('a').first().click();
    await row('ui test+ü').waitFor();
    await page.goBack();
    await id('inspector').waitFor();
  });

  await test('download: byte for byte', async () => {
    await row('random.bin').click();
    const [download] = await Promise.all([page.waitForEvent('download'), id('browse-download').click()]);
    expect(download.suggestedFilename() === 'random.bin', download.suggestedFilename());
    expect(readFileSync(await download.path()).equals(BYTES), 'other bytes');
  });

  await test('browse: pin, free, load', async () => {
    const entry = async () => (await rest('GET', '/files/ui%20test%2B%C3%BC/random.bin')).json;
    const until = async (holds) => { /* a word on the page may stand there for something else */
      for (let i = 0; i < 100 && !holds(await entry()); i++) await page.waitForTimeout(100);
      return holds(await entry());
    };
    await id('browse-pin').click();
    expect(await until((e) => e.pinned), 'not pinned');
    await page.getByText('Pinned', { exact: true }).first().waitFor();
    await id('browse-pin').click();
    await page.getByText('No longer pinned').waitFor();
    await id('browse-free').click();
    await page.getByText('Freed from the cache').waitFor();
    expect(await until((e) => e.cached_bytes === 0), `${(await entry()).cached_bytes} bytes still cached`);
    await id('browse-load').click();
    await page.getByText('Loading into the cache').waitFor();
    for (let i = 0; i < 50 && (await entry()).cached_bytes < BYTES.length; i++) await page.waitForTimeout(100);
    expect((await entry()).cached_bytes === BYTES.length, `${(await entry()).cached_bytes} bytes cached`);
  });

  await test('rename: the file moves, its bytes stay', async () => {
    await id('browse-rename').click();
    await id('rename-to').fill('/ui test+ü/renamed.bin');
    await id('rename-save').click();
    await row('renamed.bin').waitFor();
    expect((await rest('GET', '/files/ui%20test%2B%C3%BC/random.bin')).status === 404, 'the old name is still there');
    expect((await content('/ui%20test%2B%C3%BC/renamed.bin')).equals(BYTES), 'other bytes');
  });

  await test('browse: sort and filter', async () => {
    await open('/browse/ui%20test%2B%C3%BC?sort=-size');
    await row('renamed.bin').waitFor();
    expect((await page.locator('.vr').first().getAttribute('data-testid')) === 'browse-row-renamed.bin', 'the largest is not first');
    await id('browse-filter').fill('coun');
    await page.locator('[data-testid=browse-grid][data-total="2"]').waitFor();
    await id('browse-filter').fill('nothing');
    await id('empty').waitFor();
  });

  await test('browse: 1,700 entries scroll with at most 60 rows', async () => {
    await rest('PUT', '/files/many', { body: { type: 'directory' } });
    const names = Array.from({ length: 1700 }, (_, i) => `d${String(i).padStart(4, '0')}`);
    for (let i = 0; i < names.length; i += 50)
      await Promise.all(names.slice(i, i + 50).map(n => rest('PUT', `/files/many/${n}`, { body: { type: 'directory' } })));
    await open('/browse/many');
    await page.locator('[data-testid=browse-grid][data-total="1700"]').waitFor();
    await id('browse-port').focus();
    await page.keyboard.press('End');
    await row('d1699').waitFor();
    expect(await page.locator('.vr').count() <= 60, 'more than 60 rows');
    await shot('browse-many');
    await page.keyboard.press('Home');
    await page.keyboard.press('PageDown');
    await page.keyboard.press('Enter');
    await page.waitForURL(/many\/d00\d\d/);
  });

  await test('browse: what others add is announced, the list does not jump', async () => {
    await open('/browse/many');
    await row('d0000').waitFor();
    await rest('PUT', '/files/many/a-new-one', { body: { type: 'directory' } });
    await id('browse-news').waitFor();
    await id('browse-news').click();
    await row('a-new-one').waitFor();
  });

  await test('delete: consequences first, then it is gone', async () => {
    await open('/browse/ui%20test%2B%C3%BC');
    for (const name of ['countries.csv', 'renamed.bin']) await row(name).locator('input').click();
    await id('browse-delete').click();
    await id('effects').waitFor();
    await shot('browse-delete');
    expect((await rest('GET', '/files/ui%20test%2B%C3%BC/renamed.bin')).status === 200, 'the dry run deleted it');
    await id('confirm').click();
    await row('renamed.bin').waitFor({ state: 'detached' });
    expect((await rest('GET', '/files/ui%20test%2B%C3%BC/renamed.bin')).status === 404, 'still there');
    expect((await rest('GET', '/files/ui%20test%2B%C3%BC/dot.png')).status === 200, 'its neighbour is gone');
    await open('/browse/');
    for (const name of ['many', 'ui test+ü']) await row(name).locator('input').click();
    await page.keyboard.press('Delete');
    await id('confirm').click();
    await row('many').waitFor({ state: 'detached' });
    expect((await rest('GET', '/files/many')).status === 404, 'a full folder stays');
    await ready('browse');
  });

  await test('browse: a folder that is not there', async () => {
    await page.goto(`${new URL(page.url()).origin}/ui/browse/nowhere`);
    await id('error').waitFor();
    expect((await id('error').innerText()).includes('/nowhere'), 'it is not named');
  });
}
