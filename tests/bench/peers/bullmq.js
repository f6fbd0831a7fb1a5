// One process of a measurement of BullMQ; main.cc tells what such a process does, this one speaks in the same way.
'use strict';

const fs = require('fs');
const readline = require('readline');
const { parseArgs } = require('util');
const { Queue, Worker } = require('bullmq');

const QUEUE = 'tasks';
const RUNS_PER_CREDIT = 500;
const DEFAULT_WINDOW = 8;
const DEFAULT_CONCURRENCY = 200;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    port: { type: 'string' },
    tasks: { type: 'string', default: '1000' },
    'warm-up': { type: 'string', default: '100' },
    batch: { type: 'string', default: '100' },
    window: { type: 'string', default: '0' },
    connections: { type: 'string', default: '0' },
    'payload-bytes': { type: 'string', default: '200' },
    'interval-us': { type: 'string', default: '0' },
    ahead: { type: 'string', default: '0' },
    'credit-descriptor': { type: 'string', default: '-1' },
    results: { type: 'string' },
    paced: { type: 'boolean', default: false },
  },
});
const number = (name) => Number(options[name]);
const connection = { host: '127.0.0.1', port: number('port'), maxRetriesPerRequest: null, enableAutoPipelining: true };
const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function awaitParent() {
  process.stdout.write('ready\n');
  if ((await lines.next()).done) throw new Error('the parent has gone');
}

// BullMQ carries JSON, so a payload is text: the number of the task, then letters that look random.
function makePayload(sequence) {
  let text = String(sequence) + ' ';
  let state = (Math.imul(sequence, 0x9e3779b1) + 1) >>> 0 || 1;
  while (text.length < number('payload-bytes')) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    text += ALPHABET[state & 63] + ALPHABET[(state >>> 6) & 63] + ALPHABET[(state >>> 12) & 63];
  }
  return text.slice(0, number('payload-bytes'));
}

function writeResults(times, counts) {
  fs.writeFileSync(options.results, Buffer.concat([Buffer.from(times.buffer), Buffer.from(counts.buffer)]));
}

// Submits `count` tasks from number `first` on; at most `ahead` before the worker, or one each `interval` microseconds.
class Submission {
  constructor(queue, { first, count, ahead, interval }) {
    Object.assign(this, { queue, first, count, ahead, interval });
    this.times = new BigInt64Array(count);
    this.counts = new Uint32Array(count);
    this.given = 0;
    this.ran = 0;
    this.due = process.hrtime.bigint();
    this.turn = Promise.resolve();
  }

  async run() {
    const window = this.interval > 0 ? 1 : number('window') || DEFAULT_WINDOW;
    await Promise.all(Array.from({ length: window }, () => this.submitAll()));
  }

  async submitAll() {
    while (true) {
      // One at a time waits for room or for the clock.
      const next = this.turn.then(() => this.next());
      this.turn = next;
      const batch = await next;
      if (batch === null) return;
      await this.queue.addBulk(batch.map((i) => ({ name: 'task', data: makePayload(this.first + i) })));
      for (const i of batch) this.counts[i] += 1;
      this.endAt = process.hrtime.bigint();
    }
  }

  async next() {
    if (this.given === this.count) return null;
    if (this.interval > 0) await this.awaitClock();
    if (this.ahead > 0) await this.awaitRoom();
    const size = Math.min(this.interval > 0 ? 1 : number('batch'), this.count - this.given);
    const batch = Array.from({ length: size }, (_, i) => this.given + i);
    const now = process.hrtime.bigint();
    if (this.given === 0) this.beginAt = now;
    for (const i of batch) this.times[i] = now;
    this.given += size;
    return batch;
  }

  async awaitClock() {
    this.due += BigInt(this.interval) * 1000n;
    const left = Number(this.due - process.hrtime.bigint()) / 1e6;
    if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
  }

  async awaitRoom() {
    while (this.given >= this.ahead + this.ran) {
      const buffer = Buffer.alloc(1024);
      const bytes = await new Promise((resolve, reject) => {
        fs.read(number('credit-descriptor'), buffer, 0, buffer.length, null, (error, count) =>
          error ? reject(error) : resolve(count));
      });
      if (bytes === 0) throw new Error('the worker does not tell any more how far it is');
      this.ran += bytes * RUNS_PER_CREDIT;
    }
  }
}

async function produce() {
  const queue = new Queue(QUEUE, { connection });
  const measured = number('tasks');
  await new Submission(queue, { first: measured, count: number('warm-up'), ahead: 0, interval: 0 }).run();
  await awaitParent();
  const submission = new Submission(queue, {
    first: 0, count: measured, ahead: number('ahead'), interval: number('interval-us'),
  });
  await submission.run();
  writeResults(submission.times, submission.counts);
  process.stdout.write(`done ${submission.beginAt} ${submission.endAt}\n`);
}

// Notes which tasks ran, how often and when; `finished` resolves when each ran and every run is completed.
class Ledger {
  constructor(first, count, creditDescriptor) {
    Object.assign(this, { first, count, creditDescriptor });
    this.times = new BigInt64Array(count);
    this.counts = new Uint32Array(count);
    this.different = 0;
    this.runs = 0;
    this.completed = 0;
    this.finished = new Promise((resolve) => { this.finish = resolve; });
  }

  run(payload) {
    const now = process.hrtime.bigint();
    const index = parseInt(payload, 10) - this.first;
    if (!(index >= 0 && index < this.count)) throw new Error(`a task that is not of this part of the run: ${payload}`);
    this.runs += 1;
    this.counts[index] += 1;
    if (this.counts[index] > 1) return;
    this.times[index] = now;
    this.different += 1;
    if (this.creditDescriptor >= 0 && this.different % RUNS_PER_CREDIT === 0) fs.writeSync(this.creditDescriptor, '.');
  }

  complete() {
    this.completed += 1;
    this.endAt = process.hrtime.bigint();
    if (this.different === this.count && this.completed === this.runs) this.finish();
  }
}

async function work() {
  let ledger = new Ledger(number('tasks'), number('warm-up'), -1);
  const worker = new Worker(QUEUE, async (job) => ledger.run(job.data), {
    connection,
    concurrency: number('connections') || DEFAULT_CONCURRENCY,
    // Nothing stalls here, and looking for it costs.
    lockDuration: 600000,
    skipLockRenewal: true,
    skipStalledCheck: true,
  });
  worker.on('completed', () => ledger.complete());
  worker.on('failed', (job, error) => fail(error));
  worker.on('error', fail);
  await ledger.finished;
  // A worker that is not paused would take tasks before the measurement begins.
  await worker.pause();
  await awaitParent();
  ledger = new Ledger(0, number('tasks'), number('credit-descriptor'));
  const beginAt = process.hrtime.bigint();
  worker.resume();
  await ledger.finished;
  writeResults(ledger.times, ledger.counts);
  process.stdout.write(`done ${beginAt} ${ledger.endAt}\n`);
}

async function count() {
  const counts = await new Queue(QUEUE, { connection }).getJobCounts();
  const waiting = counts.waiting + counts.active + counts.prioritized + counts.delayed + counts.failed;
  process.stdout.write(`waiting ${waiting} finished ${counts.completed}\n`);
}

async function prepare() {}

function fail(error) {
  process.stderr.write(`bullmq.js: ${error.stack || error}\n`);
  process.exit(1);
}

const role = { prepare, produce, work, count }[positionals[0]];
if (role === undefined) fail(`no role ${positionals[0]}: prepare, produce, work or count`);
else role().then(() => process.exit(0), fail);
