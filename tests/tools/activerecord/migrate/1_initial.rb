class Initial < ActiveRecord::Migration[6.1]
  def change
    create_table :customers do |t|
      t.string :name, null: false
      t.timestamps
    end
    create_table :orders do |t|
      t.references :customer, null: false, foreign_key: true
      t.integer :total, null: false
    end
  end
end
