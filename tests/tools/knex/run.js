// Knex drives its own migrations, and works on what they made.
//
// usage: run.js HOST PORT DATABASE first|all|check|use-first|use-all (see ../django/run.py)

const assert = require("node:assert");
const { createRequire } = require("node:module");
const path = require("node:path");

// Installed beside the drivers.
const knex = createRequire(path.join(__dirname, "../../drivers/package.json"))("knex");

const [host, port, database, stage] = process.argv.slice(2);
const db = knex({
  client: "pg",
  connection: { host, port: Number(port), database, user: process.env.PGUSER },
  migrations: { directory: path.join(__dirname, "migrations") },
  pool: { min: 0, max: 2 },
});

async function use(nameColumn, name, extra) {
  const [{ id }] = await db("customers").insert({ [nameColumn]: name }).returning("id");
  const [order] = await db("orders").insert({ customer_id: id, total: 1200, ...extra }).returning("*");
  await db("orders").where({ id: order.id }).update({ total: 1201 });
  if (extra.labels) assert.equal((await db("labels").count())[0].count, "2", "the rows that the migration brought along, once");
  const [[customers], [orders]] = await Promise.all([db("customers").count(), db("orders").count()]);
  console.log(customers.count, orders.count);
}

const stages = {
  first: () => db.migrate.up(),
  all: () => db.migrate.latest(),
  check: async () => assert.deepEqual((await db.migrate.list())[1], []),
  "use-first": () => use("name", "Ada Lovelace", {}),
  "use-all": () => use("full_name", "Grace Hopper", { labels: JSON.stringify(["gift"]) }),
};

stages[stage]().then(
  () => db.destroy(),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
