// What Knex tells of tables. Arguments: host, port, role, database.
const [host, port, user, database] = process.argv.slice(2);
const knex = require('knex')({ client: 'pg', connection: { host, port: Number(port), user, database } });

async function tell() {
  for (const table of ['customers', 'orders', 'lines', 'plain', 'legacy', 'audit']) {
    console.log(table, await knex.schema.hasTable(table), await knex.schema.hasColumn(table, 'full_name'));
    for (const [column, facts] of Object.entries(await knex(table).columnInfo())) {
      console.log(table, column, JSON.stringify(facts));
    }
  }
}

tell().finally(() => knex.destroy());
