"""Settings of the business, the currency, the time zone and the company."""
