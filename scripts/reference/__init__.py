"""The generated pages of docs/reference: one module for each page, with TITLE, INTRODUCTION and `tables()`."""
