"""What is rented and sold, and where."""

from sqlalchemy import Boolean, DateTime, ForeignKey, Index, Integer, Numeric, String, Text, Uuid

from .parts import enumerated, optional, required, retirable, table

table(
    "brands",
    required("name", String(100)),
    optional("code", String(20)),
    optional("description", Text),
    *retirable("brands"),
    Index("idx_brand_code_active", "code", "is_active"),
    Index("idx_brand_name_active", "name", "is_active"),
    Index("ix_brands_code", "code", unique=True),
    Index("ix_brands_name", "name", unique=True),
)

table(
    "categories",
    required("name", String(100)),
    required("category_code", String(15)),
    optional("parent_category_id", Uuid, ForeignKey("categories.id")),
    required("category_path", String(500)),
    required("category_level", Integer),
    required("display_order", Integer),
    required("is_leaf", Boolean),
    *retirable("categories"),
    Index("idx_category_active_leaf", "is_active", "is_leaf"),
    Index("idx_category_display_order", "display_order"),
    Index("idx_category_level", "category_level"),
    Index("idx_category_parent", "parent_category_id"),
    Index("idx_category_parent_order", "parent_category_id", "display_order"),
    Index("idx_category_path", "category_path"),
    Index("ix_categories_category_code", "category_code", unique=True),
    Index("ix_categories_category_path", "category_path"),
    Index("uk_category_name_parent", "name", "parent_category_id", unique=True),
)

table(
    "units_of_measurement",
    required("name", String(50)),
    optional("code", String(10)),
    *retirable("units_of_measurement"),
    Index("idx_unit_code_active", "code", "is_active"),
    Index("idx_unit_name_active", "name", "is_active"),
    Index("ix_units_of_measurement_code", "code", unique=True),
    Index("ix_units_of_measurement_name", "name", unique=True),
)

table(
    "items",
    required("sku", String(50)),
    required("item_name", String(200)),
    required("item_status", enumerated("item_status_enum")),
    optional("brand_id", Uuid, ForeignKey("brands.id")),
    optional("category_id", Uuid, ForeignKey("categories.id")),
    required("unit_of_measurement_id", Uuid, ForeignKey("units_of_measurement.id")),
    optional("rental_rate_per_period", Numeric(10, 2)),
    required("rental_period", Integer),
    optional("sale_price", Numeric(10, 2)),
    optional("purchase_price", Numeric(10, 2)),
    required("security_deposit", Numeric(10, 2)),
    optional("description", Text),
    optional("specifications", Text),
    optional("model_number", String(100)),
    required("serial_number_required", Boolean),
    required("warranty_period_days", Integer),
    required("reorder_point", Integer),
    required("is_rentable", Boolean),
    required("is_saleable", Boolean),
    required("is_rental_blocked", Boolean),
    optional("rental_block_reason", Text),
    optional("rental_blocked_at", DateTime),
    optional("rental_blocked_by", Uuid, ForeignKey("users.id")),
    *retirable("items"),
    Index("idx_item_brand", "brand_id"),
    Index("idx_item_category", "category_id"),
    Index("idx_item_name", "item_name"),
    Index("idx_item_sku", "sku"),
    Index("idx_item_status", "item_status"),
    Index("ix_items_sku", "sku", unique=True),
)

table(
    "sku_sequences",
    optional("brand_code", String(20)),
    optional("category_code", String(20)),
    required("next_sequence", Integer),
    *retirable("sku_sequences"),
    Index("idx_sku_brand", "brand_code"),
    Index("idx_sku_brand_category", "brand_code", "category_code", unique=True),
    Index("idx_sku_category", "category_code"),
)

table(
    "locations",
    required("location_code", String(20)),
    required("location_name", String(100)),
    required("location_type", enumerated("location_type_enum")),
    optional("address", Text),
    optional("city", String(100)),
    optional("state", String(100)),
    optional("country", String(100)),
    optional("postal_code", String(20)),
    optional("contact_number", String(20)),
    optional("email", String(255)),
    optional("manager_user_id", Uuid),
    *retirable("locations"),
    Index("idx_location_city", "city"),
    Index("idx_location_code", "location_code"),
    Index("idx_location_country", "country"),
    Index("idx_location_manager", "manager_user_id"),
    Index("idx_location_name", "location_name"),
    Index("idx_location_state", "state"),
    Index("idx_location_type", "location_type"),
    Index("ix_locations_location_code", "location_code", unique=True),
)
