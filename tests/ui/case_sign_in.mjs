// SPDX-License-Identifier: Apache-2.0
// sign_in: the gate, the session that ends under a page, the end.
import { context, credentials, expect, id, open, options, page, ready, rest, shot, signIn, test } from './harness.mjs';

await test('sign-in: the page that was asked for leads to the gate', async () => {
  await page.goto(`${options.url}/ui/mounts`);
  await id('login-submit').waitFor();
  expect(page.url().includes('next='), `the address forgets where one wanted to go: ${page.url()}`);
  await shot('login');
});

await test('sign-in: a wrong password is refused in words', async () => {
  await signIn(credentials.user, 'not-the-password');
  await id('login-error').waitFor();
  expect(/name or the password is wrong/i.test(await id('login-error').innerText()), 'other words');
});

await test('sign-in: the right one opens the page that was asked for', async () => {
  await signIn();
  await ready('mounts');
  expect(new URL(page.url()).pathname === '/ui/mounts', page.url());
});

await test('overview: figures from the server', async () => {
  await open('/overview');
  await id('figure-entries').waitFor();
  const shown = Number(await id('figure-entries').getAttribute('data-value'));
  const { namespace } = (await rest('GET', '/overview')).json;
  expect(Math.abs(shown - namespace.inodes) <= 1, `${shown} entries shown, ${namespace.inodes} there`);
  await shot('overview');
});

await test('sign-in: a session that ends asks over the page and goes on', async () => {
  await open('/browse/');
  await page.keyboard.press('n');
  await id('new-folder-name').fill('after-sign-in');
  await context.clearCookies();
  await id('new-folder-save').click();
  await id('dialog-sign-in').waitFor();
  await shot('session-ended');
  await id('dialog-sign-in').locator('[data-testid=login-password]').fill(credentials.password);
  await id('dialog-sign-in').locator('[data-testid=login-submit]').click();
  await id('browse-row-after-sign-in').waitFor();
  expect((await rest('GET', '/files/after-sign-in')).json.type === 'directory', 'it was not made');
  await rest('DELETE', '/files/after-sign-in');
});

export async function signOut() {
  await test('sign-out: the session is gone', async () => {
    await open('/overview');
    await id('user-menu').click();
    await id('sign-out').click();
    await id('login-submit').waitFor();
    await page.goto(`${options.url}/ui/mounts`);
    await id('login-submit').waitFor();
  });
}
