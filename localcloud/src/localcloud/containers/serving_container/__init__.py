"""What serve.py is made of. Its folder is the first in which the container's Python looks, so it adds one name only."""
