"""Which sessions ended and whose rights changed, in order, so that every host can tell what it has not heard of yet."""

from alembic import op

revision = "202611301700"
down_revision = "202611251930"
branch_labels = None
depends_on = None

CHANGES = """
    CREATE TABLE IF NOT EXISTS account_changes (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        transaction_id bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
        user_id uuid NOT NULL,
        session_id uuid,
        changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        expires_at timestamptz NOT NULL
    )"""
# A change of rights can go when no token from before it is left; nobody here knows how long tokens live.
FUNCTIONS = {
    "of_session": """
        IF OLD.expires_at > now() THEN
            INSERT INTO account_changes (user_id, session_id, expires_at) VALUES (OLD.user_id, OLD.id, OLD.expires_at);
        END IF;
        RETURN NULL;""",
    "of_user": """
        INSERT INTO account_changes (user_id, expires_at) VALUES (OLD.id, now() + interval '90 days');
        RETURN NULL;""",
    "of_holder": """
        IF TG_OP <> 'INSERT' THEN
            INSERT INTO account_changes (user_id, expires_at) VALUES (OLD.user_id, now() + interval '90 days');
        END IF;
        IF TG_OP <> 'DELETE' THEN
            INSERT INTO account_changes (user_id, expires_at) VALUES (NEW.user_id, now() + interval '90 days');
        END IF;
        RETURN NULL;""",
    "of_roles": """
        INSERT INTO account_changes (user_id, expires_at)
        SELECT DISTINCT user_id, now() + interval '90 days' FROM user_roles JOIN changed USING (role_id);
        RETURN NULL;""",
    "of_role": """
        INSERT INTO account_changes (user_id, expires_at)
        SELECT user_id, now() + interval '90 days' FROM user_roles WHERE role_id = OLD.id;
        RETURN NULL;""",
    "of_permission": """
        INSERT INTO account_changes (user_id, expires_at)
        SELECT user_id, now() + interval '90 days' FROM user_permissions WHERE permission_id = OLD.id
        UNION SELECT user_id, now() + interval '90 days' FROM role_permissions JOIN user_roles USING (role_id)
        WHERE permission_id = OLD.id;
        RETURN NULL;""",
}
ROW = "FOR EACH ROW"
RIGHTS = "OLD.is_active, OLD.is_superuser, OLD.deleted_at"
TRIGGERS = [
    (
        *("refresh_tokens", "account_changes_ended", "of_session"),
        f"AFTER UPDATE OF is_active ON refresh_tokens {ROW} WHEN (OLD.is_active AND NOT NEW.is_active)",
    ),
    (
        *("refresh_tokens", "account_changes_deleted", "of_session"),
        f"AFTER DELETE ON refresh_tokens {ROW} WHEN (OLD.is_active)",
    ),
    (
        *("users", "account_changes_changed", "of_user"),
        f"AFTER UPDATE OF is_active, is_superuser, deleted_at ON users {ROW}"
        f" WHEN (({RIGHTS}) IS DISTINCT FROM ({RIGHTS.replace('OLD', 'NEW')}))",
    ),
    ("users", "account_changes_deleted", "of_user", f"AFTER DELETE ON users {ROW}"),
    ("user_roles", "account_changes_changed", "of_holder", f"AFTER INSERT OR UPDATE OR DELETE ON user_roles {ROW}"),
    (
        *("user_permissions", "account_changes_changed", "of_holder"),
        f"AFTER INSERT OR UPDATE OR DELETE ON user_permissions {ROW}",
    ),
    *(
        (
            *("role_permissions", f"account_changes_{event.lower()}_{which.lower()}", "of_roles"),
            f"AFTER {event} ON role_permissions REFERENCING {which} TABLE AS changed FOR EACH STATEMENT",
        )
        for event, which in (("INSERT", "NEW"), ("DELETE", "OLD"), ("UPDATE", "OLD"), ("UPDATE", "NEW"))
    ),
    (
        *("roles", "account_changes_changed", "of_role"),
        f"AFTER UPDATE OF is_active ON roles {ROW} WHEN (OLD.is_active IS DISTINCT FROM NEW.is_active)",
    ),
    (
        *("permissions", "account_changes_changed", "of_permission"),
        f"AFTER UPDATE OF is_active, name ON permissions {ROW}"
        " WHEN ((OLD.is_active, OLD.name) IS DISTINCT FROM (NEW.is_active, NEW.name))",
    ),
]
# What ended before is as much part of the list as what ends from now on.
ENDED = """
    INSERT INTO account_changes (user_id, session_id, expires_at)
    SELECT user_id, id, expires_at FROM refresh_tokens WHERE NOT is_active AND expires_at > now()"""
HOLDERS = """
    INSERT INTO account_changes (user_id, expires_at)
    SELECT user_id, max(expires_at) FROM refresh_tokens WHERE expires_at > now() GROUP BY user_id"""


def upgrade() -> None:
    op.execute(CHANGES)
    for column in ("transaction_id", "expires_at"):
        op.execute(f"CREATE INDEX IF NOT EXISTS ix_account_changes_{column} ON account_changes ({column})")
    for name, body in FUNCTIONS.items():
        op.execute(
            f"CREATE OR REPLACE FUNCTION account_changes_{name}() RETURNS trigger LANGUAGE plpgsql AS $$\n"
            f"BEGIN{body}\nEND $$"
        )
    for _, name, function, when in TRIGGERS:
        with op.get_context().autocommit_block():  # no two of the tables are locked at once
            op.execute(f"CREATE OR REPLACE TRIGGER {name} {when} EXECUTE FUNCTION account_changes_{function}()")
    op.execute(ENDED)
    op.execute(HOLDERS)


def downgrade() -> None:
    for table, name, _, _ in TRIGGERS:
        op.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}")
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION IF EXISTS account_changes_{name}()")
    op.drop_table("account_changes")
