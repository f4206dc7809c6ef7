"""The audit log is kept for as long as the setting says and lets go of nothing younger; what expires is found."""

from alembic import op

from migrations import safely

revision = "202611251905"
down_revision = "202611251900"
branch_labels = None
depends_on = None

INDEXES = [
    ("login_attempts", "attempted_at"),
    ("password_reset_tokens", "expires_at"),
    ("refresh_tokens", "expires_at"),
]
# Null, and so nothing is ever old enough, without a setting that is a number. A month stays whatever the setting says:
# somebody who may change it cannot wipe out what they did today.
RETENTION = r"""
CREATE OR REPLACE FUNCTION security_audit_logs_retention() RETURNS interval LANGUAGE sql STABLE AS $$
    SELECT make_interval(days => greatest(30, setting_value::int)) FROM system_settings
    WHERE setting_key = 'audit_log_retention_days' AND is_active AND setting_value ~ '^[0-9]{1,5}$'
$$"""
KEEP = """
CREATE OR REPLACE FUNCTION security_audit_logs_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.timestamp < now() - security_audit_logs_retention() THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the security audit log is append-only' USING ERRCODE = 'insufficient_privilege';
END $$"""
KEPT = """
CREATE TRIGGER security_audit_logs_kept BEFORE DELETE ON security_audit_logs
FOR EACH ROW EXECUTE FUNCTION security_audit_logs_keep()"""
APPEND_ONLY = """
CREATE TRIGGER security_audit_logs_append_only BEFORE {what} OR TRUNCATE ON security_audit_logs
FOR EACH STATEMENT EXECUTE FUNCTION security_audit_logs_refuse()"""


def upgrade() -> None:
    op.execute(RETENTION)
    op.execute(KEEP)
    op.execute("DROP TRIGGER IF EXISTS security_audit_logs_kept ON security_audit_logs")
    op.execute(KEPT)
    op.execute("DROP TRIGGER IF EXISTS security_audit_logs_append_only ON security_audit_logs")
    op.execute(APPEND_ONLY.format(what="UPDATE"))
    for table, column in INDEXES:
        safely.add_index(f"ix_{table}_{column}", table, [column])


def downgrade() -> None:
    for table, column in INDEXES:
        safely.drop_index(f"ix_{table}_{column}")
    op.execute("DROP TRIGGER IF EXISTS security_audit_logs_append_only ON security_audit_logs")
    op.execute(APPEND_ONLY.format(what="UPDATE OR DELETE"))
    op.execute("DROP TRIGGER IF EXISTS security_audit_logs_kept ON security_audit_logs")
    op.execute("DROP FUNCTION IF EXISTS security_audit_logs_keep()")
    op.execute("DROP FUNCTION IF EXISTS security_audit_logs_retention()")
