"""Production as it was: what an existing database is stamped with, and what a new one begins with."""

from alembic import op
from sqlalchemy.schema import CreateIndex, CreateTable, DropTable

from migrations.baseline import ENUMS, production

revision = "202508190531"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, labels in ENUMS.items():
        op.execute(f"CREATE TYPE {name} AS ENUM {tuple(labels.split())}")
    for table in production.sorted_tables:
        op.execute(CreateTable(table))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            op.execute(CreateIndex(index))


def downgrade() -> None:
    for table in reversed(production.sorted_tables):
        op.execute(DropTable(table))
    for name in ENUMS:
        op.execute(f"DROP TYPE {name}")
