// SPDX-License-Identifier: Apache-2.0
// lint: finds text outside the catalogue: literals in JSX, keys that en.json or zh-CN.json lack or no longer need,
// style attributes as text, colours outside tokens.css.   node dev/lint.mjs [--write]
// en.json names every key; its value says where it comes from: "" the source, "server" an answer of the server.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const root = new URL('../src/', import.meta.url).pathname;
const list = (dir) => readdirSync(dir, { withFileTypes: true }).flatMap(e => (e.isDirectory() ? list(join(dir, e.name)) : [join(dir, e.name)]));
const WORDS = /\p{L}{2,}/u;
const PLAIN = new Set(['Isthmus', 'REST']);
const SHOWN = new Set(['title', 'aria-label', 'placeholder', 'alt', 'label', 'hint', 'what', 'text', 'verb', 'done', 'note', 'unit', 'name', 'meta']);
const NOT_SHOWN = new Set(['Icon', 'Button.icon', 'meta', 'input', 'Page']);
const problems = [], found = new Set();

function visit(node, file) {
  const at = () => { const { line } = file.getLineAndCharacterOfPosition(node.getStart(file)); return `${file.fileName.slice(root.length)}:${line + 1}`; };
  if (ts.isCallExpression(node) && ts.isIdentifier(node.expression) && ['t', 'mark'].includes(node.expression.text)) {
    const arg = node.arguments[0];
    if (arg && ts.isStringLiteralLike(arg)) found.add(arg.text);
    else if (node.expression.text === 'mark') problems.push(`${at()}: mark() wants a literal`);
  }
  if (ts.isJsxText(node) && WORDS.test(node.text) && !PLAIN.has(node.text.trim())) problems.push(`${at()}: text outside t(): ${node.text.trim()}`);
  if (ts.isJsxAttribute(node) && node.initializer && ts.isStringLiteral(node.initializer)) {
    const name = node.name.getText(file), tag = node.parent.parent.tagName.getText(file);
    if (SHOWN.has(name) && !NOT_SHOWN.has(tag) && WORDS.test(node.initializer.text)) problems.push(`${at()}: ${name} outside t(): ${node.initializer.text}`);
    if (name === 'style') problems.push(`${at()}: a style as text`);
  }
  ts.forEachChild(node, child => visit(child, file));
}

for (const path of list(root).filter(p => /\.tsx?$/.test(p))) {
  const text = readFileSync(path, 'utf8');
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, path.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS);
  visit(file, file);
  if (text.split('\n').length > 300) problems.push(`${path.slice(root.length)}: more than 300 lines`);
}

for (const path of list(root).filter(p => p.endsWith('.css') && !p.endsWith('tokens.css')))
  readFileSync(path, 'utf8').split('\n').forEach((line, i) => {
    if (/#[0-9a-f]{3,8}\b|\brgba?\(/i.test(line)) problems.push(`${path.slice(root.length)}:${i + 1}: a colour outside tokens.css`);
  });

const enPath = join(root, 'i18n/en.json'), zhPath = join(root, 'i18n/zh-CN.json');
const read = (p) => { try { return JSON.parse(readFileSync(p, 'utf8')); } catch { return {}; } };
let en = read(enPath);
const zh = read(zhPath);
if (process.argv.includes('--write')) {
  const keys = new Set([...found, ...Object.keys(en).filter(k => en[k] === 'server')]);
  en = Object.fromEntries([...keys].sort().map(k => [k, en[k] ?? '']));
  writeFileSync(enPath, `${JSON.stringify(en, null, 1)}\n`);
}
const holes = (s) => [...s.matchAll(/\{(\w+)(?=[,}])/g)].map(m => m[1]);
for (const key of found) if (!(key in en)) problems.push(`en.json lacks: ${key}`);
for (const key of Object.keys(en)) {
  if (en[key] !== 'server' && !found.has(key)) problems.push(`en.json has a key nobody uses: ${key}`);
  if (!zh[key]) problems.push(`zh-CN.json lacks: ${key}`);
  else {
    const missing = holes(zh[key]).filter(n => !holes(key).includes(n));
    if (missing.length) problems.push(`zh-CN.json names {${missing}} that its key lacks: ${key}`);
  }
}
for (const key of Object.keys(zh)) if (!(key in en)) problems.push(`zh-CN.json has a key nobody uses: ${key}`);
for (const p of problems) console.log(p);
console.log(`${found.size} texts, ${problems.length} problems`);
process.exit(problems.length ? 1 : 0);
