class Carriers < ActiveRecord::Migration[6.1]
  def up
    rename_column :customers, :name, :full_name
    create_table :carriers do |t|
      t.string :name, null: false, index: { unique: true }
    end
    execute "INSERT INTO carriers (name) VALUES ('post'), ('bike')"
    add_reference :orders, :carrier, foreign_key: true
    change_column :orders, :total, :bigint
    add_column :orders, :urgent, :boolean, null: false, default: false
  end
end
