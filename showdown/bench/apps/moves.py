"""Write the files of gateways with a move, one for each stage: ``python -m ... DIRECTORY``."""

import sys
from pathlib import Path

from contract.settings import BASE_DIR

STAGES = ("off", "shadow", "live")
FILE = """
app_dir = "{base}"

[server]
moves_store = "{directory}/{stage}.sqlite3"

[[moves]]
prefix = "/moved"
old = "flask_app:create_app"
new = "fastapi_app.main:app"

[[moves.rules]]
methods = "reads"
stage = "{stage}"
percent = 100
"""


def main(directory: Path) -> None:
    """Write the files."""
    for stage in STAGES:
        text = FILE.format(base=BASE_DIR, directory=directory, stage=stage)
        (directory / f"{stage}.toml").write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
