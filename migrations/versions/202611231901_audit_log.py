"""The security audit log: it also names actors who are no users, and nobody can change what it says."""

from alembic import op

revision = "202611231901"
down_revision = "202611231817"
branch_labels = None
depends_on = None

REFUSE = """
CREATE OR REPLACE FUNCTION security_audit_logs_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the security audit log is append-only' USING ERRCODE = 'insufficient_privilege';
END $$"""
TRIGGER = """
CREATE TRIGGER security_audit_logs_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON security_audit_logs
FOR EACH STATEMENT EXECUTE FUNCTION security_audit_logs_refuse()"""
# Old programs may read nulls then, but only in rows about actors who are no users, which none of them writes.
LOOSEN = "-- squawk-ignore ban-drop-not-null\nALTER TABLE security_audit_logs ALTER COLUMN user_id DROP NOT NULL"


def upgrade() -> None:
    op.execute(LOOSEN)
    op.execute(REFUSE)
    op.execute("DROP TRIGGER IF EXISTS security_audit_logs_append_only ON security_audit_logs")
    op.execute(TRIGGER)


def downgrade() -> None:
    op.execute("DROP TRIGGER IF EXISTS security_audit_logs_append_only ON security_audit_logs")
    op.execute("DROP FUNCTION IF EXISTS security_audit_logs_refuse()")
