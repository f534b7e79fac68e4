"""The format's vectors are what its document says, worked out without pgseal."""
import sys
from pathlib import Path

VECTORS = Path(__file__).resolve().parent.parent / "vectors"


def test_the_vectors_follow_from_the_document():
    sys.path.insert(0, str(VECTORS))
    import generate

    for name, text in generate.texts().items():
        assert (VECTORS / name).read_text() == text
