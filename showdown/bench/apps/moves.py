"""Write the files of gateways with a move: ``python -m ... DIRECTORY``."""

import sys
from pathlib import Path

from contract.settings import BASE_DIR

# The stage of each gateway, and whether its new application has a process of its own.
GATEWAYS = {
    "off": ("off", False),
    "shadow": ("shadow", False),
    "process": ("shadow", True),
    "live": ("live", False),
}
FILE = """
app_dir = "{base}"

[server]
moves_store = "{directory}/{name}.sqlite3"

[[moves]]
prefix = "/moved"
old = "flask_app:create_app"
new = "fastapi_app.main:app"
{options}

[[moves.rules]]
methods = "reads"
stage = "{stage}"
percent = 100
"""


def main(directory: Path) -> None:
    """Write the files."""
    for name, (stage, is_apart) in GATEWAYS.items():
        options = "new_options = { process = {} }" if is_apart else ""
        text = FILE.format(
            base=BASE_DIR, directory=directory, name=name, stage=stage, options=options
        )
        (directory / f"{name}.toml").write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
