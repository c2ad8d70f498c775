"""The programs we measure ourselves against, each in an environment of its own below `benchmarks/peers/`."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def python(peer: str) -> Path:
    """The interpreter of a peer's environment, made from `peers-<peer>.txt` when it is missing or older than that.

    That file is resolved anew, from the few names in `peers-<peer>.in`, with `uv pip compile --universal
    --python-version 3.11 --generate-hashes --no-header peers-<peer>.in -o peers-<peer>.txt`.
    """
    folder = HERE / "peers" / peer
    lock = HERE / f"peers-{peer}.txt"
    done = folder / ".installed"
    interpreter = folder / "bin" / "python"
    if not done.is_file() or done.read_bytes() != lock.read_bytes():
        print(f"making the environment of {peer}", file=sys.stderr)
        venv.create(folder, clear=True)
        install = ["pip", "install", "--quiet", "--compile-bytecode", "--require-hashes", "--requirement", str(lock)]
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, *install, "--python", interpreter], check=True)
        done.write_bytes(lock.read_bytes())
    return interpreter


def run(peer: str, script: str, request: dict[str, Any], environment: dict[str, str] | None = None) -> dict[str, Any]:
    """Run `benchmarks/<script>` with the peer's interpreter and a request as JSON; returns the JSON it prints last.

    Raises:
        RuntimeError: it failed; with the end of what it said.
    """
    command = [str(python(peer)), str(HERE / script), json.dumps(request)]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env={**os.environ, **(environment or {})}
    )
    if done.returncode:
        raise RuntimeError(f"{script} failed:\n{done.stderr[-3000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
