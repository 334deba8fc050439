// SPDX-License-Identifier: Apache-2.0
// mounts: a form from the server's kinds, a live test, options, removal; a local folder and a store of S3.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { expect, id, open, options, page, rest, row, shot, skip, test } from './harness.mjs';

const mountAt = async (path) => (await rest('GET', '/mounts')).json.items.find(m => m.path === path);
const unlocked = () => page.locator('[data-testid=mount-save]:not([disabled])').waitFor();

async function passTest() {
  await id('mount-test').click();
  await page.locator('[data-testid=mount-test-steps][data-ok=true]').waitFor({ timeout: 15_000 });
  await unlocked();
}

async function unmount(path) {
  await id(`mount-row-${path}`).locator('[data-testid=row-menu]').click();
  await id('menu-unmount').click();
  await id('dialog-unmount').waitFor();
  await page.locator('[data-testid=confirm]:not([disabled])').waitFor();
  await id('unmount-usage').waitFor();
  await shot(`unmount${path.replaceAll('/', '-')}`);
  await id('confirm').click();
  await id(`mount-row-${path}`).waitFor({ state: 'detached' });
}

async function localFolder(folder) {
  mkdirSync(`${folder}/store/sub`, { recursive: true });
  writeFileSync(`${folder}/store/hello.txt`, 'hello from the store\n');

  await test('mounts: a folder that is not there fails the test and cannot be mounted', async () => {
    await open('/mounts?dlg=add');
    await id('mount-kind-file').click();
    await id('mount-path').fill('/disk');
    await id('mount-uri').fill(`file://${folder}/nowhere`);
    await id('mount-test').click();
    await id('mount-test-error').waitFor({ timeout: 15_000 });
    expect(await id('mount-save').isDisabled(), 'it could be mounted');
    await shot('add-mount-refused');
  });

  await test('mounts: the test passes, then it is mounted', async () => {
    await id('mount-uri').fill(`file://${folder}/store`);
    await passTest();
    expect(!(await mountAt('/disk')), 'the test mounted it');
    await shot('add-mount-passed');
    await id('mount-save').click();
    await id('mount-row-/disk').waitFor();
    expect((await mountAt('/disk')).uri.endsWith(`${folder}/store`), 'another store');
    await open('/browse/disk');
    await row('hello.txt').click();
    await id('preview-text').waitFor();
    expect((await id('preview-text').innerText()).includes('hello from the store'), 'other text');
  });

  await test('mounts: what is uploaded lies in the store', async () => {
    await id('browse-upload-input').setInputFiles([{ name: 'up.txt', mimeType: 'text/plain', buffer: Buffer.from('up') }]);
    await row('up.txt').waitFor();
    await id('upload-close').click();
    for (let i = 0; i < 100 && !existsSync(`${folder}/store/up.txt`); i++) await page.waitForTimeout(100);
    expect(existsSync(`${folder}/store/up.txt`), 'the store does not have it');
  });

  await test('mounts: the call that is shown works when pasted', async () => {
    const { token } = (await rest('POST', '/tokens', { body: { label: 'pasted', role: 'admin' } })).json;
    await open(`/mounts/${(await mountAt('/disk')).id}?dlg=edit`);
    await id('mount-read-only').check();
    await id('dialog-call').click();
    const text = await id('dialog-edit-mount').locator('pre').innerText();
    const answer = execFileSync('bash', ['-c', `${text} -s`], { env: { ...process.env, ISTHMUS_TOKEN: token } }).toString();
    expect(JSON.parse(answer).read_only === true, answer.slice(0, 200));
    await id('dialog-close').click();
  });

  await test('mounts: edit', async () => {
    await open(`/mounts/${(await mountAt('/disk')).id}?dlg=edit`);
    await id('mount-freshness').selectOption('interval');
    expect(await id('mount-interval').inputValue() === '60', 'another age is proposed');
    await id('mount-interval').fill('7');
    await id('mount-save').click();
    await id('dialog-edit-mount').waitFor({ state: 'detached' });
    const now = await mountAt('/disk');
    expect(now.freshness === 'interval' && now.interval_ms === 7000 && now.read_only, JSON.stringify(now));
    await open('/browse/disk?dlg=new');
    await id('new-folder-name').fill('refused');
    await id('new-folder-save').click();
    await page.locator('.errt').waitFor();
    expect(/read-only/i.test(await page.locator('.errt').innerText()), await page.locator('.errt').innerText());
    await shot('read-only-refused');
  });

  await test('mounts: an edit of something else keeps the age', async () => {
    for (const ms of [0, 500]) {
      const { id: number, shared } = await mountAt('/disk');
      expect((await rest('PATCH', `/mounts/${number}`, { body: { interval_ms: ms } })).status === 200, 'the age was refused');
      await open(`/mounts/${number}?dlg=edit`);
      expect(await id('mount-interval').inputValue() === String(ms / 1000), `${await id('mount-interval').inputValue()} is shown for ${ms} ms`);
      await id('mount-shared').click();
      await id('mount-save').click();
      await id('dialog-edit-mount').waitFor({ state: 'detached' });
      const now = await mountAt('/disk');
      expect(now.interval_ms === ms && now.shared !== shared, JSON.stringify(now));
    }
  });

  await test('mounts: unmounted, and the store keeps its files', async () => {
    await open('/mounts');
    await unmount('/disk');
    expect(!(await mountAt('/disk')), 'still mounted');
    expect(existsSync(`${folder}/store/hello.txt`) && existsSync(`${folder}/store/up.txt`), 'the store lost files');
  });
}

async function s3({ S3_ENDPOINT, S3_KEY, S3_SECRET, S3_BUCKET }) {
  const fill = (option, value) => id(`mount-option-${option}`).fill(value);

  await test('s3: a wrong secret is named at its field', async () => {
    await open('/mounts?dlg=add');
    await id('mount-kind-s3').click();
    await id('mount-path').fill('/bucket');
    await id('mount-uri').fill(`s3://${S3_BUCKET}`);
    await fill('isthmus.underfs.s3.endpoint', S3_ENDPOINT);
    await id('mount-option-isthmus.underfs.s3.disable.dns.buckets').selectOption('true');
    await fill('s3a.accessKeyId', S3_KEY);
    await fill('s3a.secretKey', 'not-the-secret');
    await id('mount-test').click();
    await id('mount-test-error').waitFor({ timeout: 15_000 });
    expect(await id('mount-save').isDisabled(), 'it could be mounted');
    expect(await id('mount-option-s3a.secretKey').getAttribute('aria-invalid') === 'true', 'the field of the secret is not marked');
    await shot('add-mount-s3-refused');
  });

  await test('s3: mounted after a passing test', async () => {
    await fill('s3a.secretKey', S3_SECRET);
    await passTest();
    await shot('add-mount-s3-passed');
    await id('mount-save').click();
    await id('mount-row-/bucket').waitFor();
    expect(!JSON.stringify(await mountAt('/bucket')).includes(S3_SECRET), 'the secret came back');
  });

  await test('s3: upload, preview, rename, delete', async () => {
    const text = `over s3 ${Date.now()}\n`;
    await open('/browse/bucket?dlg=new');
    await id('new-folder-name').fill('ui');
    await id('new-folder-save').click();
    await row('ui').waitFor();
    await open('/browse/bucket/ui');
    await id('browse-upload-input').setInputFiles([{ name: 'note.txt', mimeType: 'text/plain', buffer: Buffer.from(text) }]);
    await row('note.txt').click();
    await id('preview-text').waitFor();
    expect((await id('preview-text').innerText()).includes(text.trim()), 'other text');
    await shot('browse-s3');
    for (let i = 0; i < 100 && (await rest('GET', '/files/bucket/ui/note.txt')).json.persistence !== 'PERSISTED'; i++) await page.waitForTimeout(100);
    await id('browse-rename').click();
    await id('rename-to').fill('/bucket/ui/moved.txt');
    await id('rename-save').click();
    await row('moved.txt').waitFor();
    expect((await rest('GET', '/files/bucket/ui/moved.txt?content')).bytes.toString() === text, 'other bytes');
    await open('/browse/bucket?sel=ui&dlg=delete');
    await page.locator('[data-testid=confirm]:not([disabled])').click();
    await row('ui').waitFor({ state: 'detached' });
  });

  await test('s3: edit keeps the secret; unmounted', async () => {
    await open(`/mounts/${(await mountAt('/bucket')).id}?dlg=edit`);
    await id('mount-shared').check();
    await id('mount-save').click();
    await id('dialog-edit-mount').waitFor({ state: 'detached' });
    expect((await mountAt('/bucket')).shared, 'not changed');
    expect((await rest('GET', '/files/bucket/?list&sync_interval_ms=0')).status === 200, 'the store no longer answers');
    await open('/mounts');
    await unmount('/bucket');
  });
}

export async function run() {
  if (options.folder) await localFolder(options.folder);
  else skip('mounts: a local folder', 'no --folder given');
  if (process.env.S3_ENDPOINT) await s3(process.env);
  else skip('s3: mount, upload, rename, delete', 'no S3_ENDPOINT given');
}
