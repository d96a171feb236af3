// SPDX-License-Identifier: MIT
// Opens the golden outputs in speedscope, in a headless Chromium, and reads what the application says.
//
//	node check_speedscope.mjs FILE...
//
// Needs Debian's chromium and, in BPROF_NODE_MODULES (default: ./node_modules), the packages
// speedscope and playwright-core. Exit status: 0, 1 with a message per problem, 77 if they are missing.
// A problem is a dialog, a page error, a warning of the importer, a file that shows no profile, or a
// request that leaves this machine.
import fs from 'fs';
import http from 'http';
import path from 'path';
import {createRequire} from 'module';

const modules = path.resolve(process.env.BPROF_NODE_MODULES || 'node_modules');
const release = path.join(modules, 'speedscope/dist/release');
const browserPath = '/usr/bin/chromium';
const types = {'.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css'};
// Talk of the browser about itself, not of the importer about the file.
const noise = /WebGL|GPU|GL Driver|Failed to load resource|swiftshader/i;

function missing(what) {
	console.error(`skipped: ${what} is missing`);
	process.exit(77);
}

function serve(files) {
	const server = http.createServer((request, response) => {
		const name = decodeURIComponent(request.url.split('?')[0]);
		const file = name.startsWith('/golden/') ? files.get(name.slice(8))
		                                         : path.join(release, path.normalize(name));
		if (!file || !fs.existsSync(file)) {
			response.writeHead(404).end();
			return;
		}
		const type = types[path.extname(file)] || 'application/octet-stream';
		response.writeHead(200, {'content-type': type}).end(fs.readFileSync(file));
	});
	return new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve(server)));
}

async function open(browser, port, name) {
	const page = await browser.newPage();
	const problems = [], said = [];

	page.on('dialog', dialog => {
		problems.push(`dialog: ${dialog.message()}`);
		dialog.dismiss();
	});
	page.on('pageerror', error => problems.push(`error: ${error}`));
	page.on('console', message => {
		said.push(message.text());
		if (['warning', 'error'].includes(message.type()) && !noise.test(message.text()))
			problems.push(`${message.type()}: ${message.text()}`);
	});
	page.on('request', request => {
		const url = new URL(request.url());
		if (url.protocol.startsWith('http') && url.hostname !== '127.0.0.1')
			problems.push(`request to ${url.hostname}`);
	});
	await page.goto(`http://127.0.0.1:${port}/index.html#profileURL=/golden/${encodeURIComponent(name)}`);
	await page.waitForTimeout(1000);
	const toolbar = await page.evaluate('document.body.innerText');
	if (!/Sandwich/.test(toolbar))
		problems.push('no profile is shown');
	if (!said.some(text => text.startsWith('Importing as')))
		problems.push('no importer took it');
	await page.keyboard.press('3'); // Sandwich: the table of frames
	await page.waitForTimeout(300);
	const table = (await page.evaluate('document.body.innerText')).replace(/\s+/g, ' ');
	await page.close();
	return {problems, importer: said.find(text => text.startsWith('Importing as')), table};
}

if (!fs.existsSync(release))
	missing('the package speedscope');
if (!fs.existsSync(browserPath))
	missing(browserPath);
const {chromium} = createRequire(path.join(modules, 'x.js'))('playwright-core');

const files = new Map(process.argv.slice(2).map(file => [path.basename(file), path.resolve(file)]));
const server = await serve(files);
const browser = await chromium.launch({
	executablePath: browserPath,
	args: ['--no-sandbox', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'],
});
let failed = false;
for (const name of files.keys()) {
	const {problems, importer, table} = await open(browser, server.address().port, name);
	console.log(`${problems.length ? 'FAIL' : 'ok'} ${name}: ${importer}`);
	if (process.env.VERBOSE)
		console.log(`   ${table.slice(0, 400)}`);
	for (const problem of problems)
		console.log(`   ${problem.slice(0, 300)}`);
	failed ||= problems.length > 0;
}
await browser.close();
server.close();
process.exit(failed ? 1 : 0);
