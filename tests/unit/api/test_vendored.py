"""Files of others that the desk serves are those that their authors published."""

import hashlib

from src.api.desk.assets import FOLDER

SQUIRE = "3132eacfad97dfaa120fa02f46d65d7f8d15e52b7fbe04387d763f20eba90ef2"  # dist/squire.mjs of squire-rte 2.4.8


def test_squire_is_the_published_one_and_its_licence_is_beside_it() -> None:
    assert hashlib.sha256((FOLDER / "squire.mjs").read_bytes()).hexdigest() == SQUIRE
    assert "The MIT License" in (FOLDER / "squire.LICENSE").read_text()
