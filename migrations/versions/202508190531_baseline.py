"""The tables of production that the first endpoints need: accounts and customers."""

import sqlalchemy as sa
from alembic import op

revision = "202508190531"
down_revision = None
branch_labels = None
depends_on = None

ENUMS = (
    "customer_type_enum",
    "customer_tier_enum",
    "customer_status_enum",
    "blacklist_status_enum",
    "credit_rating_enum",
)


def upgrade() -> None:
    op.create_table(
        "customers",
        sa.Column("customer_code", sa.String(length=20), nullable=False),
        sa.Column("customer_type", sa.Enum("INDIVIDUAL", "BUSINESS", name="customer_type_enum"), nullable=False),
        sa.Column("business_name", sa.String(length=200), nullable=True),
        sa.Column("first_name", sa.String(length=100), nullable=True),
        sa.Column("last_name", sa.String(length=100), nullable=True),
        sa.Column("email", sa.String(length=255), nullable=True),
        sa.Column("phone", sa.String(length=20), nullable=True),
        sa.Column("mobile", sa.String(length=20), nullable=True),
        sa.Column("address_line1", sa.Text(), nullable=True),
        sa.Column("address_line2", sa.Text(), nullable=True),
        sa.Column("city", sa.String(length=100), nullable=True),
        sa.Column("state", sa.String(length=100), nullable=True),
        sa.Column("country", sa.String(length=100), nullable=True),
        sa.Column("postal_code", sa.String(length=20), nullable=True),
        sa.Column("tax_number", sa.String(length=50), nullable=True),
        sa.Column("payment_terms", sa.String(length=50), nullable=True),
        sa.Column(
            "customer_tier", sa.Enum("BRONZE", "SILVER", "GOLD", "PLATINUM", name="customer_tier_enum"), nullable=False
        ),
        sa.Column("credit_limit", sa.Numeric(precision=10, scale=2), nullable=False),
        sa.Column(
            "status", sa.Enum("ACTIVE", "INACTIVE", "SUSPENDED", "PENDING", name="customer_status_enum"), nullable=False
        ),
        sa.Column(
            "blacklist_status", sa.Enum("CLEAR", "WARNING", "BLACKLISTED", name="blacklist_status_enum"), nullable=False
        ),
        sa.Column(
            "credit_rating",
            sa.Enum("EXCELLENT", "GOOD", "FAIR", "POOR", "NO_RATING", name="credit_rating_enum"),
            nullable=False,
        ),
        sa.Column("total_rentals", sa.Numeric(precision=10, scale=0), nullable=False),
        sa.Column("total_spent", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("lifetime_value", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("last_transaction_date", sa.DateTime(), nullable=True),
        sa.Column("last_rental_date", sa.DateTime(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.String(length=255), nullable=True),
        sa.Column("updated_by", sa.String(length=255), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_by", sa.String(length=255), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_customers"),
    )
    op.create_index("idx_customer_blacklist", "customers", ["blacklist_status"])
    op.create_index("idx_customer_business_name", "customers", ["business_name"])
    op.create_index("idx_customer_city", "customers", ["city"])
    op.create_index("idx_customer_code", "customers", ["customer_code"])
    op.create_index("idx_customer_country", "customers", ["country"])
    op.create_index("idx_customer_email", "customers", ["email"])
    op.create_index("idx_customer_name", "customers", ["first_name", "last_name"])
    op.create_index("idx_customer_phone", "customers", ["phone"])
    op.create_index("idx_customer_state", "customers", ["state"])
    op.create_index("idx_customer_tier", "customers", ["customer_tier"])
    op.create_index("idx_customer_type", "customers", ["customer_type"])
    op.create_index("ix_customers_customer_code", "customers", ["customer_code"], unique=True)
    op.create_index("ix_customers_is_active", "customers", ["is_active"])
    op.create_table(
        "login_attempts",
        sa.Column("email", sa.String(length=255), nullable=False),
        sa.Column("ip_address", sa.String(length=45), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=True),
        sa.Column("success", sa.Boolean(), nullable=False),
        sa.Column("attempted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("failure_reason", sa.String(length=255), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.String(length=255), nullable=True),
        sa.Column("updated_by", sa.String(length=255), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_by", sa.String(length=255), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_login_attempts"),
    )
    op.create_index("ix_login_attempts_email", "login_attempts", ["email"])
    op.create_index("ix_login_attempts_is_active", "login_attempts", ["is_active"])
    op.create_table(
        "permissions",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("resource", sa.String(length=50), nullable=False),
        sa.Column("action", sa.String(length=50), nullable=False),
        sa.Column("risk_level", sa.String(length=20), nullable=False),
        sa.Column("is_system_permission", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.String(length=255), nullable=True),
        sa.Column("updated_by", sa.String(length=255), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_by", sa.String(length=255), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_permissions"),
    )
    op.create_index("ix_permissions_is_active", "permissions", ["is_active"])
    op.create_index("ix_permissions_name", "permissions", ["name"], unique=True)
    op.create_table(
        "roles",
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("is_system_role", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.String(length=255), nullable=True),
        sa.Column("updated_by", sa.String(length=255), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_by", sa.String(length=255), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_roles"),
    )
    op.create_index("ix_roles_name", "roles", ["name"], unique=True)
    op.create_table(
        "users",
        sa.Column("username", sa.String(length=50), nullable=False),
        sa.Column("email", sa.String(length=255), nullable=False),
        sa.Column("password", sa.String(length=255), nullable=False),
        sa.Column("full_name", sa.String(length=255), nullable=False),
        sa.Column("first_name", sa.String(length=100), nullable=True),
        sa.Column("last_name", sa.String(length=100), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("is_superuser", sa.Boolean(), nullable=False),
        sa.Column("is_verified", sa.Boolean(), nullable=False),
        sa.Column("user_type", sa.String(length=20), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=True),
        sa.Column("avatar_url", sa.String(length=500), nullable=True),
        sa.Column("bio", sa.Text(), nullable=True),
        sa.Column("last_login", sa.DateTime(timezone=True), nullable=True),
        sa.Column("email_verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.String(length=255), nullable=True),
        sa.Column("updated_by", sa.String(length=255), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_by", sa.String(length=255), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
    )
    op.create_index("ix_users_email", "users", ["email"], unique=True)
    op.create_index("ix_users_username", "users", ["username"], unique=True)
    op.create_table(
        "refresh_tokens",
        sa.Column("token", sa.String(length=500), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("device_info", sa.String(length=255), nullable=True),
        sa.Column("ip_address", sa.String(length=45), nullable=True),
        sa.Column("user_agent", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.String(length=255), nullable=True),
        sa.Column("updated_by", sa.String(length=255), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_by", sa.String(length=255), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_refresh_tokens_user_id_users"),
        sa.PrimaryKeyConstraint("id", name="pk_refresh_tokens"),
    )
    op.create_index("ix_refresh_tokens_token", "refresh_tokens", ["token"], unique=True)
    op.create_table(
        "role_permissions",
        sa.Column("role_id", sa.Uuid(), nullable=False),
        sa.Column("permission_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["permission_id"], ["permissions.id"], name="fk_role_permissions_permission_id_permissions"
        ),
        sa.ForeignKeyConstraint(["role_id"], ["roles.id"], name="fk_role_permissions_role_id_roles"),
        sa.PrimaryKeyConstraint("role_id", "permission_id", name="pk_role_permissions"),
    )
    op.create_index("idx_role_permissions_permission", "role_permissions", ["permission_id"])
    op.create_index("idx_role_permissions_role", "role_permissions", ["role_id"])
    op.create_table(
        "user_permissions",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("permission_id", sa.Uuid(), nullable=False),
        sa.Column("granted_by", sa.Uuid(), nullable=True),
        sa.Column("granted_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["granted_by"], ["users.id"], name="fk_user_permissions_granted_by_users"),
        sa.ForeignKeyConstraint(
            ["permission_id"], ["permissions.id"], name="fk_user_permissions_permission_id_permissions"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_user_permissions_user_id_users"),
        sa.PrimaryKeyConstraint("user_id", "permission_id", name="pk_user_permissions"),
    )
    op.create_index("idx_user_permissions_permission", "user_permissions", ["permission_id"])
    op.create_index("idx_user_permissions_user", "user_permissions", ["user_id"])
    op.create_table(
        "user_roles",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["role_id"], ["roles.id"], name="fk_user_roles_role_id_roles"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_user_roles_user_id_users"),
        sa.PrimaryKeyConstraint("user_id", "role_id", name="pk_user_roles"),
    )
    op.create_index("idx_user_roles_role", "user_roles", ["role_id"])
    op.create_index("idx_user_roles_user", "user_roles", ["user_id"])


def downgrade() -> None:
    op.drop_index("idx_user_roles_user", table_name="user_roles")
    op.drop_index("idx_user_roles_role", table_name="user_roles")
    op.drop_table("user_roles")
    op.drop_index("idx_user_permissions_user", table_name="user_permissions")
    op.drop_index("idx_user_permissions_permission", table_name="user_permissions")
    op.drop_table("user_permissions")
    op.drop_index("idx_role_permissions_role", table_name="role_permissions")
    op.drop_index("idx_role_permissions_permission", table_name="role_permissions")
    op.drop_table("role_permissions")
    op.drop_index("ix_refresh_tokens_token", table_name="refresh_tokens")
    op.drop_table("refresh_tokens")
    op.drop_index("ix_users_username", table_name="users")
    op.drop_index("ix_users_email", table_name="users")
    op.drop_table("users")
    op.drop_index("ix_roles_name", table_name="roles")
    op.drop_table("roles")
    op.drop_index("ix_permissions_name", table_name="permissions")
    op.drop_index("ix_permissions_is_active", table_name="permissions")
    op.drop_table("permissions")
    op.drop_index("ix_login_attempts_is_active", table_name="login_attempts")
    op.drop_index("ix_login_attempts_email", table_name="login_attempts")
    op.drop_table("login_attempts")
    op.drop_index("ix_customers_is_active", table_name="customers")
    op.drop_index("ix_customers_customer_code", table_name="customers")
    op.drop_index("idx_customer_type", table_name="customers")
    op.drop_index("idx_customer_tier", table_name="customers")
    op.drop_index("idx_customer_state", table_name="customers")
    op.drop_index("idx_customer_phone", table_name="customers")
    op.drop_index("idx_customer_name", table_name="customers")
    op.drop_index("idx_customer_email", table_name="customers")
    op.drop_index("idx_customer_country", table_name="customers")
    op.drop_index("idx_customer_code", table_name="customers")
    op.drop_index("idx_customer_city", table_name="customers")
    op.drop_index("idx_customer_business_name", table_name="customers")
    op.drop_index("idx_customer_blacklist", table_name="customers")
    op.drop_table("customers")
    for name in ENUMS:
        op.execute(f"DROP TYPE {name}")
