"""Writes README's compatibility table from the result files of tests/drivers/test_matrix.py (MATRIX_RESULTS=folder)."""
import json
import sys
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"
START, END = "<!-- matrix: written by scripts/compatibility.py -->\n", "<!-- end of matrix -->\n"

lines = ["| driver | version | steps, all as directly |\n", "|---|---|---|\n"]
for path in sorted(Path(sys.argv[1]).glob("*.json")):
    result = json.loads(path.read_text())
    lines.append(f"| {result['name']} | {result['version']} | {len(result['steps'])} |\n")
text = README.read_text()
before, rest = text.split(START)
README.write_text(before + START + "\n" + "".join(lines) + "\n" + END + rest.split(END)[1])
