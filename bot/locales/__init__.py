"""Catalogues, and the template that translators start from."""
