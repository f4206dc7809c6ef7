"""The command that fills a database with the demo shop."""

import time
from datetime import UTC, datetime

import click
from flask import current_app

from ..seed import add_reference_data
from .seed import patient_database

LONGEST_STATEMENT = 3600
STEP = 50_000


@click.command()
@click.option("--size", type=click.Choice(("small", "large")), default="small", show_default=True, help="Of the shop.")
@click.option("--rentals", default=1_000_000, hidden=True, help="Of the large shop.")
@click.option("--even-in-production", is_flag=True, help="Fill a production database too.")
def demo(size: str, rentals: int, even_in_production: bool) -> None:
    """Fill an empty database with a made-up shop: small to try things out, large (a million rentals) to measure.

    Everything is stored at once at the end, or nothing.
    """
    if current_app.config["SETTINGS"].production and not even_in_production:
        raise click.UsageError("This is production. If its database is to hold made-up data, say --even-in-production.")
    from ..demo.generator import SMALL, fill, large  # brings the tables of all domains
    from ..demo.loading import indexes_last

    began = time.monotonic()

    def say(made: int) -> None:
        if made // STEP > (made - STEP // 20) // STEP:
            click.echo(f"{made:,} rentals after {time.monotonic() - began:.0f} s")

    with patient_database(LONGEST_STATEMENT) as database:
        with database.transaction() as session:
            add_reference_data(session)
            today = datetime.now(UTC).date()
            if size == "small":
                counts = fill(session, SMALL, today)
            else:
                with indexes_last(session):
                    counts = fill(session, large(rentals), today, say)
        with database.reading() as session:
            session.connection().exec_driver_sql(f"VACUUM (ANALYZE) {', '.join(counts)}")
    took = time.monotonic() - began
    for table, count in sorted(counts.items()):
        click.echo(f"{count:>10,} {table}")
    click.echo(f"{counts.total():,} rows in {took:.1f} s, {counts.total() / took:,.0f} rows/s.")
