// SPDX-License-Identifier: Apache-2.0
// access: tokens, people, own password; settings, logs, tasks.
import { browser, context, credentials, expect, id, open, options, page, ready, rest, shot, test } from './harness.mjs';

export async function run() {
  await test('tokens: one is made, works, is revoked', async () => {
    await open('/access/tokens');
    await id('token-add').click();
    await id('token-label').fill('ui-test');
    await id('token-save').click();
    const token = (await id('token-value').innerText()).trim();
    await shot('token');
    expect((await rest('GET', '/session', { auth: `Bearer ${token}` })).json.user === credentials.user, 'it does not sign in');
    await id('dialog-close').click();
    await id('token-row-ui-test').locator('[data-testid=token-revoke]').click();
    await id('confirm').click();
    await id('token-row-ui-test').waitFor({ state: 'detached' });
    expect((await rest('GET', '/session', { auth: `Bearer ${token}` })).status === 401, 'it still signs in');
  });

  await test('people: added with a role, signs in, removed', async () => {
    await open('/access/users');
    await id('user-add').click();
    await id('user-name').fill('mei');
    await id('user-password').fill('a-long-password');
    await id('user-role').selectOption('viewer');
    await id('user-save').click();
    await id('user-row-mei').waitFor();
    await shot('people');
    const auth = `Basic ${Buffer.from('mei:a-long-password').toString('base64')}`;
    expect((await rest('GET', '/session', { auth })).json.role === 'viewer', 'another role');
    await id('user-row-mei').locator('[data-testid=row-menu]').click();
    await id('menu-remove-user').click();
    await id('confirm').click();
    await id('user-row-mei').waitFor({ state: 'detached' });
    expect((await rest('GET', '/session', { auth })).status === 401, 'still signs in');
  });

  await test('roles: a viewer sees why a button is off, and the server refuses too', async () => {
    await rest('POST', '/users', { body: { name: 'vi', password: 'a-long-password', role: 'viewer' } });
    const other = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    const tab = await other.newPage(), at = (name) => tab.locator(`[data-testid="${name}"]`);
    try {
      await tab.goto(`${options.url}/ui/mounts`);
      await at('login-name').fill('vi');
      await at('login-password').fill('a-long-password');
      await at('login-submit').click();
      await at('mount-add').waitFor();
      expect(await at('mount-add').isDisabled() && /administrator/.test(await at('mount-add').getAttribute('title')), 'no reason');
      expect(await at('nav-logs').count() === 0, 'a page that is never allowed is in the navigation');
      await tab.goto(`${options.url}/ui/logs`);
      await tab.locator('main[data-state=denied]').waitFor();
      await tab.goto(`${options.url}/ui/access/tokens`);
      await tab.locator('main[data-page=access][data-state=ready]').waitFor();
    } finally {
      await other.close();
      await rest('DELETE', '/users/vi');
    }
  });

  await test('offline: a banner with the age, and back by itself', async () => {
    await open('/mounts');
    await context.setOffline(true);
    await page.locator('[data-testid=banner].warn').waitFor();
    await shot('offline');
    await context.setOffline(false);
    await page.locator('[data-testid=banner].warn').waitFor({ state: 'detached' });
    await id('mount-row-/').waitFor();
  });

  await test('password: the own one is changed', async () => {
    const next = `${credentials.password}-next`;
    await open('/access/account');
    await id('password-old').fill(credentials.password);
    await id('password-new').fill(next);
    await id('password-save').click();
    await id('toast').waitFor();
    credentials.password = next;
    expect((await rest('GET', '/session')).status === 200, 'the new one is refused');
    await page.reload();
    await page.locator('main[data-page=access],[data-testid=login-submit]').first().waitFor();
    if (await id('login-submit').count()) throw new Error('the change ended the own session');
  });

  await test('settings: filtered, one set at run time', async () => {
    await open('/config?filter=slow.request');
    await id('config-row-isthmus.web.slow.request').locator('button').click();
    await id('setting-value').fill('3s');
    await id('setting-save').click();
    await id('dialog-setting').waitFor({ state: 'detached' });
    expect((await rest('GET', '/config?key=isthmus.web.slow.request')).json.items[0].value === '3s', 'not set');
    await shot('config');
  });

  await test('logs and tasks', async () => {
    await open('/logs');
    expect(/ INFO /.test(await id('log-lines').innerText()), 'no line of the log');
    await open('/tasks');
    await open('/nowhere', 'nowhere');
  });

  await test('rest drawer: lists the calls of the page', async () => {
    await open('/mounts');
    await id('open-rest').click();
    await id('rest-drawer').getByText('/api/v1/mounts').first().waitFor();
    await shot('rest');
    await page.keyboard.press('Escape');
    await id('rest-drawer').waitFor({ state: 'detached' });
    await ready('mounts');
  });
}
