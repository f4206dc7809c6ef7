"""Tests of rental_backend.analytics."""
