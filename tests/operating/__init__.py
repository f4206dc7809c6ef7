"""Tests of the commands by which an operator looks at a service and steers it."""
