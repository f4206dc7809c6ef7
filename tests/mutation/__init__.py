"""Whether the tests notice: small faults, one at a time, are put into copies of the sources, and the tests are run."""
