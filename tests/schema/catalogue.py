"""What a PostgreSQL database holds, read from its own catalogue as lines that can be compared."""

from sqlalchemy import Connection

OURS = "c.relnamespace = 'public'::regnamespace AND c.relname <> 'alembic_version'"
QUESTIONS = {
    "relation": f"""
        SELECT concat_ws(' ', c.relname, c.relkind, c.relpersistence)
        FROM pg_class c
        WHERE {OURS} AND c.relkind NOT IN ('i', 'I', 'c', 't')""",
    "column": f"""
        SELECT concat_ws(' ', c.relname, rank() OVER (PARTITION BY c.oid ORDER BY a.attnum), a.attname,
            format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'not null' END,
            'default ' || pg_get_expr(d.adbin, d.adrelid), 'identity ' || nullif(a.attidentity::text, ''),
            'generated ' || nullif(a.attgenerated::text, ''), 'collate ' || l.collname)
        FROM pg_attribute a
            JOIN pg_class c ON c.oid = a.attrelid
            JOIN pg_type t ON t.oid = a.atttypid
            LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            LEFT JOIN pg_collation l ON l.oid = a.attcollation AND a.attcollation <> t.typcollation
        WHERE {OURS} AND c.relkind IN ('r', 'p', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped""",
    "constraint": f"""
        SELECT concat_ws(' ', c.relname, k.conname, pg_get_constraintdef(k.oid))
        FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
        WHERE {OURS}""",
    "index": f"""
        SELECT concat_ws(' ', pg_get_indexdef(x.indexrelid), CASE WHEN NOT x.indisvalid THEN 'invalid' END)
        FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid
        WHERE {OURS}""",
    "enum": """
        SELECT concat_ws(' ', t.typname, string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder))
        FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid
        GROUP BY t.typname""",
    "trigger": f"""
        SELECT pg_get_triggerdef(g.oid)
        FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
        WHERE {OURS} AND NOT g.tgisinternal""",
    "function": """
        SELECT pg_get_functiondef(f.oid)
        FROM pg_proc f
        WHERE f.pronamespace = 'public'::regnamespace AND f.prokind IN ('f', 'p')
            AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.objid = f.oid AND e.deptype = 'e')""",
    "extension": "SELECT extname FROM pg_extension",
}


def catalogue(connection: Connection) -> set[str]:
    """Return all that is in the schema `public` of a database, one line a thing, without Alembic's own table."""
    return {
        f"{kind} {line}"
        for kind, question in QUESTIONS.items()
        for line in connection.exec_driver_sql(question).scalars()
    }


def differences(one: set[str], other: set[str]) -> list[str]:
    """Return the lines that only one of two catalogues has: `-` those of the first, `+` those of the other."""
    return sorted(f"- {line}" for line in one - other) + sorted(f"+ {line}" for line in other - one)
