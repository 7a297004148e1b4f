# What ActiveRecord dumps as schema.rb. Arguments: host, port, role, database.
require "active_record"
require "pg"

host, port, role, database = ARGV
ActiveRecord::Base.establish_connection(adapter: "postgresql", host: host, port: port, username: role, database: database)
connection = ActiveRecord::Base.connection
ActiveRecord::SchemaDumper.dump(connection, $stdout)
connection.tables.sort.each do |table|
  puts "#{table} key #{connection.primary_keys(table)} #{connection.pk_and_sequence_for(table)&.map(&:to_s)}"
  connection.columns(table).each { |column| puts "#{table} #{column.name} #{column.sql_type} #{column.default.inspect} #{column.default_function.inspect} #{column.null}" }
end
puts connection.views.sort.inspect
