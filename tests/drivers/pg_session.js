// One edition through node-postgres: sessions by each way of naming it, a transaction, COPY both ways, a cancelled query.
'use strict';

const assert = require('node:assert');
const { pipeline } = require('node:stream/promises');
const { Readable, Writable } = require('node:stream');
const { Client } = require('pg');
const { from, to } = require('pg-copy-streams');

const [host, port, edition, column] = process.argv.slice(2);
const base = { host, port: Number(port), user: process.env.PGUSER };
const ways = {
  suffix: { database: `app@${edition}` },
  options: { database: 'app', options: `-c edition=${edition}` },
};

async function names(client) {
  const { rows } = await client.query(`SELECT ${column} AS name FROM users ORDER BY id`);
  return rows.map((row) => row.name);
}

async function session(way, parameters) {
  const client = new Client({ ...base, ...parameters });
  await client.connect();
  assert.strictEqual(Object.values((await client.query('SHOW EDITION')).rows[0])[0], edition);
  const before = await names(client);

  await client.query('BEGIN');
  await client.query(`INSERT INTO users (${column}) VALUES ($1)`, ['rolled back']);
  await client.query('ROLLBACK');
  await client.query('BEGIN');
  await client.query({ name: 'insert', text: `INSERT INTO users (${column}) VALUES ($1)`, values: [`pg ${way}`] });
  await client.query('COMMIT');
  assert.deepStrictEqual(await names(client), [...before, `pg ${way}`]);

  await pipeline(Readable.from([`pg ${way} copied\n`]), client.query(from(`COPY users (${column}) FROM STDIN`)));
  let copied = '';
  const sink = new Writable({
    write(chunk, _, done) {
      copied += chunk;
      done();
    },
  });
  await pipeline(client.query(to(`COPY users (${column}) TO STDOUT`)), sink);
  assert.deepStrictEqual(copied.trimEnd().split('\n'), await names(client));

  const sleeping = client.query('SELECT pg_sleep(30)');
  setTimeout(() => {
    const other = new Client({ ...base, ...parameters });
    other.connection.on('error', () => {});
    other.connection.once('connect', () => other.connection.cancel(client.processID, client.secretKey));
    other.connection.connect(base.port, base.host);
  }, 300);
  await assert.rejects(sleeping, { code: '57014' });
  assert.strictEqual((await client.query('SELECT 1 AS one')).rows[0].one, 1);
  await client.end();
  console.log('ok', way);
}

(async () => {
  for (const [way, parameters] of Object.entries(ways)) await session(way, parameters);
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
