#!/usr/bin/env python3
"""Puts the digits data set (1,797 real 8x8 images) into Clavier's data folder.

The images are the test part of the UCI "Optical Recognition of Handwritten Digits" set (E. Alpaydin,
C. Kaynak, 1998; CC BY 4.0) as scikit-learn ships them. Its wheel is downloaded by pip into a
temporary folder, one file is taken from it, and nothing is installed.

The result is DATA_DIR/digits/digits.csv: a line per image, 64 brightnesses from 0 to 16 row by row,
then the digit. Nothing is done if it is there already. Needs Python 3.8 and pip, nothing else.
"""

import argparse
import gzip
import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile
import zipfile

MEMBER = "sklearn/datasets/data/digits.csv.gz"
SHA256 = "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8"  # Uncompressed.


class Failure(Exception):
    """What went wrong and what to do about it."""


def is_digits(content):
    return hashlib.sha256(content).hexdigest() == SHA256


def default_data_dir():
    return os.environ.get("CLAVIER_DATA") or os.path.join(os.path.expanduser("~"), ".cache", "clavier")


def find_pip(folder):
    """The command that runs pip; made in a virtual environment where the system has none."""
    own = [sys.executable, "-m", "pip"]
    if subprocess.run(own + ["--version"], capture_output=True).returncode == 0:
        return own
    venv = pathlib.Path(folder) / "venv"
    made = subprocess.run([sys.executable, "-m", "venv", str(venv)], capture_output=True, text=True)
    if made.returncode != 0:
        raise Failure(
            "Python has no pip and can make no virtual environment. On Debian or Ubuntu:\n"
            "  sudo apt-get install python3-venv\n" + (made.stdout + made.stderr).strip())
    return [str(venv / "bin" / "python"), "-m", "pip"]


def download_wheel(folder):
    command = find_pip(folder) + [
        "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:",
        "--dest", folder, "scikit-learn"]
    if subprocess.run(command).returncode != 0:
        raise Failure(
            "pip could not download scikit-learn. Without a network, copy a scikit-learn wheel here "
            "and name it with --from")
    wheels = sorted(pathlib.Path(folder).glob("scikit_learn-*.whl"))
    if not wheels:
        raise Failure("pip ended well, but left no scikit-learn wheel in " + folder)
    return wheels[0]


def digits_of(wheel):
    try:
        with zipfile.ZipFile(wheel) as archive:
            content = gzip.decompress(archive.read(MEMBER))
    except (OSError, EOFError, KeyError, zipfile.BadZipFile, ValueError) as error:
        raise Failure(f"{wheel}: cannot take {MEMBER} from it: {error}") from error
    if not is_digits(content):
        raise Failure(
            f"{wheel}: {MEMBER} is not the file this version of Clavier knows (SHA-256 "
            f"{hashlib.sha256(content).hexdigest()} instead of {SHA256}). An earlier scikit-learn "
            "wheel has it: pip download --no-deps scikit-learn==1.5.2, then name it with --from")
    return content


def install(content, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".digits-", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.chmod(file.name, 0o644)
            os.replace(file.name, target)
        except BaseException:
            os.unlink(file.name)
            raise


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", default=default_data_dir(),
                        help="default: $CLAVIER_DATA, else ~/.cache/clavier")
    parser.add_argument("--from", dest="wheel", help="a scikit-learn wheel, instead of downloading one")
    arguments = parser.parse_args()
    target = pathlib.Path(arguments.data_dir) / "digits" / "digits.csv"
    try:
        if not (target.is_file() and is_digits(target.read_bytes())):
            with tempfile.TemporaryDirectory(prefix="clavier-digits-") as folder:
                install(digits_of(arguments.wheel or download_wheel(folder)), target)
    except (Failure, OSError) as error:
        sys.exit(f"digits: {error}")
    print(f"digits: {target}")


if __name__ == "__main__":
    main()
