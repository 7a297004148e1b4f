exports.up = async (knex) => {
  await knex.schema.alterTable("customers", (table) => table.renameColumn("name", "full_name"));
  await knex.schema.createTable("labels", (table) => {
    table.string("name").primary();
  });
  await knex("labels").insert([{ name: "gift" }, { name: "express" }]);
  await knex.schema.alterTable("orders", (table) => {
    table.bigInteger("total").notNullable().alter();
    table.jsonb("labels").notNullable().defaultTo("[]");
    table.index(["customer_id"]);
  });
};

exports.down = async () => {};
