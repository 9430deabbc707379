"""``python -m ann_migrate``."""

import os
import sys

# "-m" puts the current folder first on the path, and that is the project of the user: a click.py or json.py there
# would be executed, and nothing of theirs ever is.
if not sys.flags.safe_path and sys.path[0] == os.getcwd():  # noqa: PTH109
    del sys.path[0]

from ann_migrate.cli import main

main()
