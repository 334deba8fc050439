// SPDX-License-Identifier: Apache-2.0
import './style/tokens.css';
import './style/base.css';
import './style/pages.css';
import './theme';
import { render } from 'preact';
import { App } from './app';
import { firstLang, setLang } from './i18n';
import { listen } from './router';

const root = document.getElementById('app');
if (root) {
  listen();
  void setLang(firstLang(), false).catch(() => undefined).then(() => render(<App />, root));
}
