# ActiveRecord drives its own migrations, and its models work on what they made.
#
# usage: run.rb HOST PORT DATABASE first|all|check|use-first|use-all (see ../django/run.py)

require "active_record"

host, port, database, stage = ARGV
ActiveRecord::Base.establish_connection(
  adapter: "postgresql", host: host, port: port.to_i, database: database, username: ENV.fetch("PGUSER")
)
ActiveRecord::Migration.verbose = false
MIGRATIONS = ActiveRecord::MigrationContext.new(File.join(__dir__, "migrate"), ActiveRecord::SchemaMigration)

class Customer < ActiveRecord::Base
  has_many :orders
end

class Order < ActiveRecord::Base
  belongs_to :customer
end

class Carrier < ActiveRecord::Base
end

def use(name_column, name, extra)
  customer = Customer.create!(name_column => name)
  order = customer.orders.create!(total: 1200, **extra)
  order.update!(total: 1201)
  raise "the rows that the migration brought along, once" if extra.any? && Carrier.count != 2
  puts "#{Customer.count} #{Order.count}"
end

# The catalogues do not show a view's key (see the README's limits), so an application has to name it.
[Customer, Order, Carrier].each { |model| model.primary_key = "id" }

case stage
when "first" then MIGRATIONS.up(1)
when "all" then MIGRATIONS.up
when "check" then raise "migrations are pending" if MIGRATIONS.needs_migration?
when "use-first" then use(:name, "Ada Lovelace", {})
when "use-all" then use(:full_name, "Grace Hopper", { carrier_id: Carrier.first.id })
else abort File.read(__FILE__)[/# usage.*/]
end
