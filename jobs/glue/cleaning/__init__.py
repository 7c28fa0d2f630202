"""What clean_dataset.py is made of. Glue has it as the archive in `--extra-py-files`."""
