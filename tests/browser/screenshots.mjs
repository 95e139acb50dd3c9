// `make screenshots`: pictures of the dashboard of a running `make demo`, for docs/screenshots.
import { readFileSync } from 'node:fs';
import { start } from './browser.mjs';

const url = /^GATEWAY_URL=(.*)$/m.exec(readFileSync('.dev/env', 'utf8'))[1];
const key = readFileSync('.dev/demo-key', 'utf8').trim();
const browser = await start();

/** A picture of a window of that size and colours, after something was done in it. */
async function picture(name, [width, height], colorScheme, act = async () => {}, scale = 1) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, deviceScaleFactor: scale });
  const page = await context.newPage();
  await page.goto(`${url}/dashboard#key=${key}`);
  await page.locator('#requests tbody tr').first().waitFor();
  await act(page);
  await page.waitForTimeout(200);
  await page.screenshot({ path: `docs/screenshots/${name}.png` });
  await context.close();
}

await picture('dashboard-light', [1280, 1040], 'light');
await picture('dashboard-dark', [1280, 1040], 'dark');
await picture('dashboard-phone', [390, 844], 'light', async () => {}, 2);
await picture('dashboard-request', [1280, 900], 'light', async (page) => {
  // One that changed its route.
  await page.locator('#requests tbody tr', { has: page.locator('td:nth-child(4)', { hasText: '2' }) }).first().getByRole('button').click();
  await page.locator('#detail tbody tr').first().waitFor();
});
await browser.close();
