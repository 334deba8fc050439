// SPDX-License-Identifier: Apache-2.0
// run: the web UI in Chromium against a daemon; each action is read back through REST.
//   node run.mjs --url URL --user U --password P [--folder EMPTY_FOLDER] [--shots FOLDER]
// S3_ENDPOINT, S3_KEY, S3_SECRET, S3_BUCKET name a store of S3 to mount.
import { finish } from './harness.mjs';

const { signOut } = await import('./case_sign_in.mjs');
for (const name of ['browse', 'mounts', 'access', 'look']) await (await import(`./case_${name}.mjs`)).run();
await signOut();
await finish();
