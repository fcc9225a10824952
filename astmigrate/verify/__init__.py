"""Runs both frameworks: proofs of the table rows, the table check, and the pages generated from them."""
