"""``python -m geoplan`` is the console script."""

from geoplan.cli import main

main()
