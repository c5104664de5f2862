// SPDX-License-Identifier: MIT
// A Node.js target: worker threads that hash and throw away, timers, files and
// a socket on the event loop.  Says what subject.h says.
'use strict';
const { Worker, isMainThread, parentPort } = require('worker_threads');
const crypto = require('crypto');
const fs = require('fs');
const net = require('net');

const input = Buffer.alloc(4096, 'mpol');
const once = () => crypto.createHash('sha256').update(input).digest('hex');
const first = once();
const wrong = (text) => console.log('wrong ' + text);

function sumObjects(round) {
	const objects = [];
	for (let i = 0; i < 5000; i++)
		objects.push({ number: round + i, text: String(round + i) });
	const sum = objects.reduce((all, o) => all + (o.text === String(o.number) ? o.number : NaN), 0);
	return sum === 5000 * round + 12497500;
}

if (!isMainThread) {
	for (let round = 1; ; round++) {
		if (once() !== first || !sumObjects(round))
			wrong('a worker has another sum or hash');
		parentPort.postMessage(round);
		Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
	}
}

const rounds = {};
for (const name of ['one', 'two']) {
	rounds[name] = 0;
	new Worker(__filename).on('message', (round) => {
		if (round !== ++rounds[name])
			wrong(`message ${round} came instead of ${rounds[name]}`);
	}).on('error', (problem) => wrong(problem.message));
}

// Every one of these finishes a round before it begins the next.
function repeat(name, step) {
	rounds[name] = 0;
	const next = () => step(rounds[name]).then(() => {
		rounds[name]++;
		setImmediate(next);
	}, (problem) => wrong(`${name}: ${problem.message}`));
	next();
}

repeat('timer', () => new Promise((resolve) => {
	const start = process.hrtime.bigint();
	setTimeout(() => {
		if (process.hrtime.bigint() - start < 2000000n)
			wrong('the timer was early');
		resolve();
	}, 3);
}));

repeat('random', async () => {
	const bytes = await new Promise((resolve, reject) =>
		crypto.pbkdf2('a', 'b', 10, 32, 'sha256', (e, key) => e ? reject(e) : resolve(key)));
	if (bytes.toString('hex') !== crypto.pbkdf2Sync('a', 'b', 10, 32, 'sha256').toString('hex'))
		wrong('a thread of the pool has another key');
});

repeat('file', async () => {
	if (!(await fs.promises.readFile(__filename)).equals(fs.readFileSync(__filename)))
		wrong('the file has changed');
});

const server = net.createServer((socket) => socket.pipe(socket));
server.listen({ path: `\0mpol-sums-${process.pid}` }, () => {
	const socket = net.connect(`\0mpol-sums-${process.pid}`);
	repeat('echo', (round) => new Promise((resolve) => {
		const text = String(round).padStart(16, '0');
		socket.once('data', (data) => {
			if (data.toString() !== text)
				wrong(`${data} came instead of ${text}`);
			resolve();
		});
		socket.write(text);
	}));
});

process.stdin.on('end', () => process.exit(0)).resume();
console.log('ready ' + process.pid);
let seen = { ...rounds };
setInterval(() => {
	if (!('echo' in rounds) || Object.keys(rounds).some((name) => rounds[name] < (seen[name] || 0) + 2))
		return;
	console.log('beat');
	seen = { ...rounds };
}, 2);
