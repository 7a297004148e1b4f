exports.up = async (knex) => {
  await knex.schema.createTable("customers", (table) => {
    table.increments("id");
    table.string("name").notNullable();
    table.timestamps(true, true);
  });
  await knex.schema.createTable("orders", (table) => {
    table.increments("id");
    table.integer("customer_id").notNullable().references("customers.id").onDelete("CASCADE");
    table.integer("total").notNullable();
  });
};

exports.down = async (knex) => {
  await knex.schema.dropTable("orders");
  await knex.schema.dropTable("customers");
};
