"""Print a greeting for whoever is named."""

import sys

from sample import greet

print(greet(*(sys.argv[1:] or ["World"])))
