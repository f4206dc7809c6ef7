"""The life of a rental: extensions, returns, inspections, changes of status."""
