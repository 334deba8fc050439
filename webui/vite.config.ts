// SPDX-License-Identifier: Apache-2.0
import { defineConfig } from 'vite';

// ISTHMUS_URL: the daemon that `npm run dev` talks to (default: dev/mock.mjs).
declare const process: { env: Record<string, string | undefined> };
const daemon = process.env.ISTHMUS_URL ?? 'http://127.0.0.1:19998';

export default defineConfig({
  base: '/ui/',
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false }, sourcemap: false },
  server: { proxy: { '/api': daemon } },
});
