"""The rules of the business as questions to a database: each finds the rows that break one."""

from rental_backend.tables import metadata
from tests.catalog.trees import WRONG

RULES = {
    "the tree of categories is as it says": WRONG,
    "stock on hand is the sum of its parts, none of them negative": """
        SELECT id FROM stock_levels WHERE quantity_on_hand <> quantity_available + quantity_on_rent + quantity_damaged
            + quantity_under_repair + quantity_beyond_repair OR least(quantity_available, quantity_on_rent,
            quantity_damaged, quantity_under_repair, quantity_beyond_repair) < 0""",
    "levels fit the units": """
        SELECT l.id FROM stock_levels l JOIN items i ON i.id = l.item_id
        LEFT JOIN inventory_units u ON (u.item_id, u.location_id) = (l.item_id, l.location_id)
        GROUP BY l.id, i.id HAVING
            quantity_on_hand <> coalesce(sum(quantity) FILTER (WHERE status NOT IN ('SOLD', 'RETIRED')), 0)
            OR serial_number_required AND (
                quantity_available <> count(*) FILTER (WHERE status = 'AVAILABLE')
                OR quantity_on_rent <> count(*) FILTER (WHERE status = 'RENTED')
                OR quantity_damaged <> count(*) FILTER (WHERE status = 'DAMAGED')
                OR quantity_under_repair <> count(*) FILTER (WHERE status = 'UNDER_REPAIR')
                OR quantity_beyond_repair <> count(*) FILTER (WHERE status = 'BEYOND_REPAIR'))""",
    "every unit has a level": """
        SELECT id FROM inventory_units u WHERE NOT EXISTS (
            SELECT FROM stock_levels l WHERE (u.item_id, u.location_id) = (l.item_id, l.location_id))""",
    "units have serial numbers exactly where their items want them, none twice": """
        SELECT u.id FROM inventory_units u JOIN items i ON i.id = u.item_id
        WHERE serial_number_required <> (serial_number IS NOT NULL)
            OR (serial_number IS NULL) <> (batch_code IS NOT NULL)
            OR serial_number IN (SELECT serial_number FROM inventory_units GROUP BY 1 HAVING count(*) > 1)""",
    "what is on rent is what rentals have not brought back": """
        SELECT l.id FROM stock_levels l LEFT JOIN transaction_lines t ON t.item_id = l.item_id
            AND t.location_id = l.location_id AND current_rental_status <> 'RENTAL_COMPLETED'
        GROUP BY l.id HAVING quantity_on_rent <> coalesce(sum(quantity - returned_quantity), 0)""",
    "a movement adds up": """
        SELECT id FROM stock_movements WHERE quantity_before + quantity_change <> quantity_after
            OR least(quantity_before, quantity_after) < 0""",
    "each movement begins where the one before it ended": """
        SELECT id FROM (SELECT id, quantity_before, lag(quantity_after, 1, 0.0) OVER (
            PARTITION BY stock_level_id ORDER BY created_at) AS before FROM stock_movements) m
        WHERE quantity_before <> before""",
    "movements add up to what is available": """
        SELECT l.id FROM stock_levels l LEFT JOIN stock_movements m ON m.stock_level_id = l.id
        GROUP BY l.id HAVING coalesce(sum(quantity_change), 0) <> quantity_available""",
    "a movement is of its level's item and location": """
        SELECT m.id FROM stock_movements m JOIN stock_levels l ON l.id = m.stock_level_id
        WHERE (m.item_id, m.location_id) <> (l.item_id, l.location_id)""",
    "purchases explain every unit": """
        SELECT l.id FROM stock_levels l LEFT JOIN (
            SELECT item_id, t.location_id, sum(quantity) AS bought FROM transaction_lines t
            JOIN transaction_headers h ON h.id = t.transaction_header_id
            WHERE transaction_type = 'PURCHASE' GROUP BY 1, 2
        ) p ON (p.item_id, p.location_id) = (l.item_id, l.location_id)
        LEFT JOIN (
            SELECT stock_level_id, sum(CASE WHEN movement_type = 'SALE' THEN -quantity_change ELSE 0 END) AS sold,
                count(*) FILTER (WHERE movement_type = 'DAMAGE_LOSS') AS lost FROM stock_movements GROUP BY 1
        ) m ON m.stock_level_id = l.id
        WHERE bought IS NULL OR bought - coalesce(sold, 0) - coalesce(lost, 0) <> quantity_on_hand""",
    "a rental's line costs quantity x rate x periods less its discount": """
        SELECT t.id FROM transaction_lines t JOIN transaction_headers h ON h.id = t.transaction_header_id
        WHERE transaction_type = 'RENTAL' AND (total_price <> quantity * unit_price * rental_period
            OR line_total <> total_price - t.discount_amount OR t.tax_amount <> 0)""",
    "a rental's total is its lines, tax by the setting, and its extensions": """
        SELECT h.id FROM transaction_headers h JOIN transaction_lines t ON t.transaction_header_id = h.id,
            (SELECT setting_value::numeric AS percent FROM system_settings WHERE setting_key = 'rental_tax_percent') s
        WHERE transaction_type = 'RENTAL' GROUP BY h.id, percent HAVING subtotal <> sum(line_total)
            OR h.tax_amount <> round(subtotal * percent / 100, 2)
            OR total_amount <> subtotal + h.tax_amount + total_extension_charges""",
    "other totals are those of their lines": """
        SELECT h.id FROM transaction_headers h JOIN transaction_lines t ON t.transaction_header_id = h.id
        WHERE transaction_type IN ('PURCHASE', 'SALE') GROUP BY h.id HAVING subtotal <> sum(quantity * unit_price)
            OR h.tax_amount <> sum(t.tax_amount) OR total_amount <> sum(line_total)
            OR bool_or(line_total <> quantity * unit_price + t.tax_amount - t.discount_amount
                OR t.tax_amount <> round(quantity * unit_price * tax_rate / 100, 2))""",
    "every transaction has lines, numbered from 1": """
        SELECT h.id FROM transaction_headers h LEFT JOIN transaction_lines t ON t.transaction_header_id = h.id
        GROUP BY h.id HAVING count(t.id) = 0 OR max(line_number) <> count(t.id)""",
    "the payment status follows from what is paid": """
        SELECT id FROM transaction_headers WHERE payment_status::text <>
            CASE WHEN paid_amount >= total_amount THEN 'PAID' WHEN paid_amount > 0 THEN 'PARTIAL' ELSE 'PENDING' END""",
    "no piece is in two rentals on one day, nor out while another has it": """
        SELECT id FROM (SELECT t.id, rental_start_date, max(CASE WHEN current_rental_status = 'RENTAL_COMPLETED'
                THEN greatest(rental_end_date, return_date) ELSE 'infinity' END) OVER (
                PARTITION BY inventory_unit_id ORDER BY rental_start_date, t.id ROWS BETWEEN UNBOUNDED PRECEDING
                AND 1 PRECEDING) AS taken
            FROM transaction_lines t JOIN inventory_units u ON u.id = t.inventory_unit_id
            WHERE serial_number IS NOT NULL AND rental_start_date IS NOT NULL) x
        WHERE rental_start_date <= taken""",
    "nobody rents who may not, nor what may not be rented": """
        SELECT t.id FROM transaction_lines t JOIN transaction_headers h ON h.id = t.transaction_header_id
        JOIN customers c ON c.id = h.customer_id JOIN items i ON i.id = t.item_id
        JOIN inventory_units u ON u.id = t.inventory_unit_id
        WHERE c.status <> 'ACTIVE' OR c.blacklist_status = 'BLACKLISTED' OR u.is_rental_blocked
            OR i.is_rentable <> (transaction_type = 'RENTAL') OR i.is_saleable <> (transaction_type = 'SALE')
            OR u.item_id <> t.item_id OR u.location_id <> t.location_id
            OR h.location_id::text <> t.location_id::text""",
    "the status of a line follows from what came back, and when it ends": """
        SELECT t.id FROM transaction_lines t JOIN transaction_headers h ON h.id = t.transaction_header_id
        WHERE transaction_type = 'RENTAL' AND current_rental_status::text <> CASE
            WHEN returned_quantity = quantity THEN 'RENTAL_COMPLETED'
            WHEN returned_quantity > 0 AND rental_end_date < :today THEN 'RENTAL_LATE_PARTIAL_RETURN'
            WHEN returned_quantity > 0 THEN 'RENTAL_PARTIAL_RETURN'
            WHEN rental_end_date < :today THEN 'RENTAL_LATE'
            WHEN extension_count > 0 THEN 'RENTAL_EXTENDED' ELSE 'RENTAL_INPROGRESS' END""",
    "the status of a rental follows from those of its lines": """
        SELECT h.id FROM transaction_headers h JOIN transaction_lines t ON t.transaction_header_id = h.id
        LEFT JOIN rental_lifecycles l ON l.transaction_id = h.id
        WHERE transaction_type = 'RENTAL' GROUP BY h.id, l.id HAVING
            (h.status = 'COMPLETED') <> bool_and(current_rental_status = 'RENTAL_COMPLETED')
            OR h.status NOT IN ('COMPLETED', 'IN_PROGRESS') OR l.total_returned_quantity <> sum(t.returned_quantity)
            OR l.current_status IS DISTINCT FROM CASE
                WHEN bool_or(current_rental_status IN ('RENTAL_LATE', 'RENTAL_LATE_PARTIAL_RETURN')) THEN CASE
                    WHEN bool_or(current_rental_status IN ('RENTAL_PARTIAL_RETURN', 'RENTAL_LATE_PARTIAL_RETURN'))
                    THEN 'RENTAL_LATE_PARTIAL_RETURN' ELSE 'RENTAL_LATE' END
                WHEN bool_or(current_rental_status = 'RENTAL_PARTIAL_RETURN') THEN 'RENTAL_PARTIAL_RETURN'
                WHEN bool_and(current_rental_status = 'RENTAL_COMPLETED') THEN 'RENTAL_COMPLETED'
                WHEN bool_or(current_rental_status = 'RENTAL_EXTENDED') THEN 'RENTAL_EXTENDED'
                ELSE 'RENTAL_INPROGRESS' END""",
    "the history of a rental is a chain that ends where it is now": """
        SELECT l.id FROM rental_lifecycles l LEFT JOIN (
            SELECT *, lag(new_status, 1, 'RENTAL_INPROGRESS') OVER history AS before,
                lead(id) OVER history IS NULL AS is_last
            FROM rental_status_logs WINDOW history AS (PARTITION BY rental_lifecycle_id ORDER BY changed_at)
        ) s ON s.rental_lifecycle_id = l.id
        GROUP BY l.id HAVING bool_or(old_status <> before)
            OR coalesce(max(new_status) FILTER (WHERE is_last), 'RENTAL_INPROGRESS') <> current_status
            OR coalesce(max(changed_at), last_status_change) <> last_status_change""",
    "lines, details and events tell the same of what came back": """
        SELECT t.id FROM transaction_lines t JOIN transaction_headers h ON h.id = t.transaction_header_id
        LEFT JOIN return_line_details d ON d.transaction_line_id = t.id
        WHERE transaction_type = 'RENTAL' GROUP BY t.id HAVING returned_quantity <> coalesce(sum(quantity_returned_good
            + quantity_returned_damaged + quantity_returned_beyond_repair + quantity_lost), 0)
            OR t.return_date <> max(d.return_date AT TIME ZONE 'UTC')::date""",
    "fees are gathered from the returns, and late ones by the setting": """
        SELECT l.id FROM rental_lifecycles l LEFT JOIN rental_return_events e ON e.rental_lifecycle_id = l.id
        GROUP BY l.id HAVING total_late_fees <> coalesce(sum(late_fees_charged), 0)
            OR total_damage_fees <> coalesce(sum(damage_fees_charged), 0)
            OR total_other_fees <> coalesce(sum(other_fees_charged), 0)
        UNION ALL
        SELECT e.id FROM rental_return_events e JOIN rental_lifecycles l ON l.id = e.rental_lifecycle_id
        JOIN transaction_headers h ON h.id = l.transaction_id,
            (SELECT setting_value::numeric AS fee FROM system_settings WHERE setting_key = 'rental_late_fee') s
        WHERE event_type = 'FULL_RETURN' AND (late_fees_charged <> greatest(0, event_date - expected_return_date) * fee
            * json_array_length(items_returned) OR refund_issued <> greatest(0, deposit_amount - late_fees_charged))""",
    "extensions are what their headers say, for what was still out": """
        SELECT h.id FROM transaction_headers h LEFT JOIN rental_extensions e ON e.parent_rental_id = h.id
        WHERE transaction_type = 'RENTAL' GROUP BY h.id HAVING extension_count <> count(e.id)
            OR total_extension_charges <> coalesce(sum(extension_charges), 0)
            OR bool_or(new_end_date <= original_end_date OR due_date <> new_end_date
                OR payment_received > extension_charges)
        UNION ALL
        SELECT e.id FROM rental_extensions e JOIN rental_extension_lines x ON x.extension_id = e.id
        JOIN transaction_lines t ON t.id = x.transaction_line_id
        GROUP BY e.id HAVING extension_charges
            <> sum(unit_price * extended_quantity * (new_end_date - original_end_date))
            OR bool_or(rental_end_date <> new_end_date OR extended_quantity > quantity)""",
    "damage is where its unit is, and its repair is as far as the unit": """
        SELECT a.id FROM damage_assessments a JOIN inventory_units u ON u.id = a.inventory_unit_id
        LEFT JOIN repair_orders r ON r.damage_assessment_id = a.id
        WHERE a.item_id <> u.item_id OR a.location_id <> u.location_id OR repair_feasible <> (r.id IS NOT NULL)
            OR repair_status = 'PENDING' AND u.status <> 'DAMAGED'
            OR repair_status = 'IN_PROGRESS' AND u.status <> 'UNDER_REPAIR'
            OR NOT repair_feasible AND u.status <> 'BEYOND_REPAIR'
            OR (repair_status = 'COMPLETED') <> (repair_end_date IS NOT NULL)""",
    "bookings cost what settings say": """
        SELECT h.id FROM booking_headers h JOIN booking_lines l ON l.booking_header_id = h.id,
            (SELECT setting_value::numeric AS tax FROM system_settings WHERE setting_key = 'booking_tax_percent') s,
            (SELECT setting_value::numeric AS deposit FROM system_settings
                WHERE setting_key = 'booking_deposit_percent') d
        GROUP BY h.id, tax, deposit HAVING estimated_subtotal <> sum(line_total) OR total_items <> count(*)
            OR bool_or(line_total <> unit_rate * quantity_reserved * rental_period)
            OR estimated_tax <> round(estimated_subtotal * tax / 100, 2)
            OR estimated_total <> estimated_subtotal + estimated_tax
            OR deposit_required <> round(estimated_total * deposit / 100, 2)""",
    "bookings ahead promise no more than is available": """
        SELECT s.id FROM stock_levels s JOIN booking_headers h ON h.location_id = s.location_id
        JOIN booking_lines l ON l.booking_header_id = h.id AND l.item_id = s.item_id
        WHERE booking_status IN ('PENDING', 'CONFIRMED') GROUP BY s.id
        HAVING sum(quantity_reserved) > quantity_available""",
    "bookings that lie ahead are open, others are not, and became what they say": """
        SELECT b.id FROM booking_headers b LEFT JOIN transaction_headers h ON h.id = b.converted_rental_id
        WHERE start_date <= :today AND booking_status IN ('PENDING', 'CONFIRMED') OR booking_date > start_date
            OR (booking_status = 'CONVERTED') <> (h.id IS NOT NULL) OR h.customer_id <> b.customer_id
            OR h.location_id::text <> b.location_id::text OR h.created_at::date < booking_date""",
    "customers' totals are those of their transactions": """
        SELECT c.id FROM customers c LEFT JOIN transaction_headers h ON h.customer_id = c.id GROUP BY c.id HAVING
            total_rentals <> count(*) FILTER (WHERE transaction_type = 'RENTAL')
            OR total_spent <> coalesce(sum(paid_amount), 0) OR last_transaction_date <> max(transaction_date)""",
    "suppliers' totals are those of their purchases": """
        SELECT s.id FROM suppliers s LEFT JOIN transaction_headers h ON h.supplier_id = s.id GROUP BY s.id
        HAVING total_orders <> count(h.id) OR total_spend <> coalesce(sum(total_amount), 0)""",
    "nothing happened today or later": """
        SELECT id FROM transaction_headers WHERE transaction_date >= :today
        UNION ALL SELECT id FROM stock_movements WHERE created_at >= :today
        UNION ALL SELECT id FROM rental_return_events WHERE processed_at >= :today""",
    "addresses lead to nobody": """
        SELECT id FROM customers WHERE email NOT LIKE '%@example.com' OR phone NOT LIKE '+91 00000 %'
        UNION ALL SELECT id FROM suppliers WHERE email NOT LIKE '%@example.com'""",
    "an item is rented or sold, not both": "SELECT id FROM items WHERE is_rentable = is_saleable",
}


def closed_sets() -> dict[str, str]:
    """Return for every column of a closed set a question for other values; the database enforces only some of them."""
    return {
        f"{table.name}.{column.name}": f"SELECT {column.name} FROM {table.name} WHERE {column.name}::text "
        f"NOT IN ({', '.join(repr(str(value)) for value in enums)})"
        for table in metadata.sorted_tables
        for column in table.columns
        if (enums := getattr(column.type, "enums", None))
    }


def foreign_keys() -> dict[str, str]:
    """Return for every foreign key a question for rows that refer to nothing, as if nobody enforced it."""
    return {
        f"{table.name}.{key.parent.name} refers": f"""
            SELECT a.{key.parent.name} FROM {table.name} a
            LEFT JOIN {key.column.table.name} b ON b.{key.column.name} = a.{key.parent.name}
            WHERE a.{key.parent.name} IS NOT NULL AND b.{key.column.name} IS NULL"""
        for table in metadata.sorted_tables
        for key in table.foreign_keys
    }
