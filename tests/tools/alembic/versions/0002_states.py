import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    op.alter_column("customers", "name", new_column_name="full_name")
    op.alter_column("orders", "total", type_=sa.BigInteger)
    states = op.create_table("states", sa.Column("code", sa.String(20), primary_key=True))
    op.bulk_insert(states, [{"code": "new"}, {"code": "sent"}])
    op.add_column("orders", sa.Column("state", sa.String(20), nullable=True))
    op.execute("UPDATE orders SET state = 'sent'")
    op.create_foreign_key("orders_state_fkey", "orders", "states", ["state"], ["code"])
    op.create_index("orders_by_customer", "orders", ["customer_id"])
