"""The format's vectors are what its document says, worked out without pgseal."""
import sys
from pathlib import Path

VECTORS = Path(__file__).resolve().parent.parent / "vectors"


def test_the_vectors_follow_from_the_document():
    sys.path.insert(0, str(VECTORS))
    import generate

    assert (VECTORS / "sv1.json").read_text() == generate.text()
