// What the browser tests and the screenshots share: a real Chromium, from npm, so that no machine needs one installed.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

// The packages are in .tools/browser, not in the folder of this file.
const require = createRequire(pathToFileURL(`${process.env.BROWSER_TOOLS}/`));
const { chromium } = require('playwright-core');

/** Starts Chromium with the protections that a person's has. */
export async function start() {
  const { default: packed } = await import(pathToFileURL(require.resolve('@sparticuz/chromium')));
  return chromium.launch({ executablePath: await packed.executablePath(), args: ['--no-sandbox', '--disable-gpu'] });
}

/** The path of a file of an installed package. */
export const file = (name) => require.resolve(name);
